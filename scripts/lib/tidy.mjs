/** House rules that no linter knows: small files, no swallowed errors, nothing left for later. */

import ts from 'typescript';
import { isTest, lineOf, walk } from './sources.mjs';

/** Longest a file may be, in lines; tests excepted. */
const MAX_LINES = 400;
const MEASURED = /^(src|signaling-server|demo|scripts)\//;

// Put together from halves, so that this file and its test pass their own check.
const words = (...halves) => halves.map(([a, b]) => a + b).join('|');
const LATER = new RegExp(
  `\\b(${words(['TO', 'DO'], ['FIX', 'ME'], ['XX', 'X'], ['HA', 'CK'])})\\b`,
);
const MUTED = new RegExp(
  words(['@ts-', 'ignore'], ['@ts-', 'nocheck'], ['biome-', 'ignore'], ['eslint-', 'disable']),
);

const TEST_ROOTS = new Set(['it', 'test', 'describe', 'context', 'ctx']);
const NOT_RUN = new Set(['skip', 'only', 'todo', 'fixme', 'skipIf', 'runIf', 'fails', 'fail']);
/** A test may be skipped for this alone: a folder of inputs that not everyone has. */
const SKIP_REASON = 'MNEMESH_TRACES';

function checkText({ path, text }) {
  const findings = [];
  const lines = text.split('\n');
  if (MEASURED.test(path) && !isTest(path) && lines.length - 1 > MAX_LINES) {
    const message = `${lines.length - 1} lines; ${MAX_LINES} are enough for one concern`;
    findings.push({ rule: 'lines', path, line: MAX_LINES + 1, message });
  }
  lines.forEach((content, index) => {
    const later = LATER.exec(content)?.[0];
    const muted = MUTED.exec(content)?.[0];
    const line = index + 1;
    if (later) findings.push({ rule: 'later', path, line, message: `${later}: do it or drop it` });
    if (muted) findings.push({ rule: 'muted', path, line, message: `${muted}: mend the cause` });
  });
  return findings;
}

/** Whether `node` is a function that does nothing with what it is given. */
function isNoop(node) {
  if (node === undefined || !(ts.isArrowFunction(node) || ts.isFunctionExpression(node))) {
    return false;
  }
  const { body } = node;
  if (ts.isBlock(body)) return body.statements.length === 0;
  const isUndefined = ts.isIdentifier(body) && body.text === 'undefined';
  return isUndefined || ts.isVoidExpression(body) || body.kind === ts.SyntaxKind.NullKeyword;
}

/** Whether `node` lets an error vanish: an empty catch, or a rejection handler that does nothing. */
function swallows(node) {
  if (ts.isCatchClause(node)) return node.block.statements.length === 0;
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  const method = node.expression.name.text;
  const [first, second] = node.arguments;
  return method === 'catch' ? isNoop(first) : method === 'then' && isNoop(second);
}

/** The first identifier of `a.b.c`. */
function rootOf(node) {
  while (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) node = node.expression;
  return ts.isIdentifier(node) ? node.text : undefined;
}

/** Whether `node` names a way not to run a test, such as `it.skip`, without the one good reason. */
function isLeftOut(node, ast) {
  if (!ts.isPropertyAccessExpression(node) || !NOT_RUN.has(node.name.text)) return false;
  if (!TEST_ROOTS.has(rootOf(node))) return false;
  // The condition or reason stands in the calls around: `it.skipIf(condition)(name, body)`.
  for (let call = node.parent; ts.isCallExpression(call); call = call.parent) {
    const plain = call.arguments.filter((each) => !ts.isFunctionLike(each));
    if (plain.some((each) => each.getText(ast).includes(SKIP_REASON))) return false;
  }
  return true;
}

const isExpectTrue = (node) =>
  ts.isCallExpression(node) &&
  ts.isIdentifier(node.expression) &&
  node.expression.text === 'expect' &&
  node.arguments[0]?.kind === ts.SyntaxKind.TrueKeyword;

function checkCode({ path, ast }) {
  const findings = [];
  walk(ast, (node) => {
    const found = (rule, message) =>
      findings.push({ rule, path, line: lineOf(ast, node), message });
    if (swallows(node)) found('swallowed', 'an error vanishes here; handle it or let it pass');
    if (isLeftOut(node, ast)) found('left-out', `${node.getText(ast)}: every test runs`);
    if (isExpectTrue(node)) found('empty-test', 'expect(true) shows nothing');
  });
  return findings;
}

/**
 * All findings about single files.
 * @param {import('./sources.mjs').Source[]} sources
 * @returns {import('./sources.mjs').Finding[]}
 */
export function checkTidy(sources) {
  return sources.flatMap((source) => [
    ...checkText(source),
    ...(source.ast === undefined ? [] : checkCode(source)),
  ]);
}
