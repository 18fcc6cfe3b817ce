import { EditorState, type StateCommand } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { link, prefixLines, wrap } from './format.ts';

/** Runs a command on text in which `<` and `>` stand for the ends of the selection. */
function run(command: StateCommand, marked: string): string {
  const anchor = marked.indexOf('<');
  const head = marked.indexOf('>') - 1;
  let state = EditorState.create({
    doc: marked.replace(/[<>]/g, ''),
    selection: { anchor, head },
  });
  command({
    state,
    dispatch: (transaction) => {
      state = transaction.state;
    },
  });
  const { from, to } = state.selection.main;
  const text = state.doc.toString();
  return `${text.slice(0, from)}<${text.slice(from, to)}>${text.slice(to)}`;
}

describe('formatting', () => {
  it('puts marks around the selection and takes them away again', () => {
    expect(run(wrap('**'), 'a <bold> word')).toBe('a **<bold>** word');
    expect(run(wrap('**'), 'a **<bold>** word')).toBe('a <bold> word');
  });

  it('puts an empty pair at a cursor, with the cursor inside', () => {
    expect(run(wrap('_'), '<>')).toBe('_<>_');
  });

  it('prefixes each line of the selection and takes prefixes away where all have them', () => {
    expect(run(prefixLines('- '), 'o<ne\ntw>o')).toBe('- o<ne\n- tw>o');
    expect(run(prefixLines('- '), '- o<ne\n- tw>o')).toBe('o<ne\ntw>o');
    expect(run(prefixLines('- '), '- o<ne\ntw>o')).toBe('- o<ne\n- tw>o');
    expect(run(prefixLines('## '), '<>')).toBe('## <>');
  });

  it('makes a link and selects its address', () => {
    expect(run(link, 'see <this>')).toBe('see [this](<https://>)');
    expect(run(link, '<>')).toBe('[link](<https://>)');
  });
});
