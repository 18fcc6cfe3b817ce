/** The sources of this repository, parsed: what each file imports, for the checks to judge. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** Folders whose files are checked. */
export const FOLDERS = ['src', 'signaling-server', 'demo', 'e2e', 'bench', 'examples', 'scripts'];

const CHECKED = /\.(ts|tsx|mts|mjs|cjs|css|html)$/;
const CODE = /\.(ts|tsx|mts|mjs|cjs)$/;

/**
 * @typedef {object} Import
 * @property {string} specifier as written
 * @property {number} line counted from 1
 * @property {string | undefined} target the file of this repository that it names
 * @property {string | undefined} package the installed package or Node module that it names
 *
 * @typedef {object} Source
 * @property {string} path relative to the repository, with `/`
 * @property {string} text
 * @property {ts.SourceFile | undefined} ast of code files
 * @property {Import[]} imports of every kind: static, dynamic, type-only, re-exports
 *
 * @typedef {object} Finding
 * @property {string} rule short and stable
 * @property {string} path
 * @property {number} line counted from 1
 * @property {string} message what is wrong
 */

/** Whether `path` is a test, a suite that tests share, or support in a folder `testing`. */
export const isTest = (path) => /\.(test|contract|spec)\.(ts|tsx|mts|mjs)$|\/testing\//.test(path);

/** Line of `node`, counted from 1. */
export const lineOf = (ast, node) => ast.getLineAndCharacterOfPosition(node.getStart(ast)).line + 1;

/** Calls `visit` with every node under `node`, itself included. */
export function walk(node, visit) {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The package that a bare specifier names: `@a/b/c` is of `@a/b`, `node:fs` is `node:fs`. */
function packageOf(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

/** The string that an import, re-export, `import()` or `import('x')` type names, if `node` is one. */
function specifierOf(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return node.arguments[0];
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return node.argument.literal;
  }
  return undefined;
}

function importsOf(path, ast) {
  const imports = [];
  walk(ast, (node) => {
    const literal = specifierOf(node);
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return;
    const specifier = literal.text;
    const relative = specifier.startsWith('.');
    imports.push({
      specifier,
      line: lineOf(ast, literal),
      target: relative ? posix.join(posix.dirname(path), specifier.split('?')[0]) : undefined,
      package: relative ? undefined : packageOf(specifier),
    });
  });
  return imports;
}

/**
 * Parses `text` as the file `path`.
 * @returns {Source}
 */
export function parseSource(path, text) {
  if (!CODE.test(path)) return { path, text, ast: undefined, imports: [] };
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, text, ast, imports: importsOf(path, ast) };
}

/**
 * All checked files below `root`.
 * @returns {Source[]}
 */
export function readSources(root) {
  const sources = [];
  for (const folder of FOLDERS) {
    let entries;
    try {
      entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
    } catch (error) {
      if (error.code === 'ENOENT') continue;
      throw error;
    }
    for (const entry of entries) {
      if (!entry.isFile() || !CHECKED.test(entry.name)) continue;
      const full = join(entry.parentPath, entry.name);
      const path = full.slice(join(root, '/').length).replaceAll('\\', '/');
      if (!path.includes('node_modules/') && !path.includes('/dist/')) {
        sources.push(parseSource(path, readFileSync(full, 'utf8')));
      }
    }
  }
  return sources.sort((a, b) => (a.path < b.path ? -1 : 1));
}
