/** Imports run one way between layers and never in a circle; pure code is handed its effects. */

import ts from 'typescript';
import { isTest, lineOf, walk } from './sources.mjs';

/** The pure layers: no clock, no chance, no timers, no platform. */
const PURE = ['src/util', 'src/memory', 'src/protocol'];
const ADAPTERS = ['src/transport', 'src/storage', 'src/signaling'];
const BELOW_RUNTIME = [...PURE, 'src/ports', ...ADAPTERS];
const PUBLIC = [
  'src/index.ts',
  'src/yjs/index.ts',
  'src/simulation/index.ts',
  'signaling-server/index.ts',
];

/**
 * What each layer may import beside itself: layers or single files of this repository, and
 * packages. The longest matching name decides a file's layer, so `src` is its root files alone.
 * A layer without an entry here may import anything, and nothing with an entry may import it.
 */
const LAYERS = {
  'src/util': { files: [], packages: ['lib0'] },
  'src/memory': { files: ['src/util'], packages: ['lib0', '@noble/hashes'] },
  'src/protocol': { files: ['src/util'], packages: ['lib0'] },
  'src/ports': { files: ['src/util'], packages: [] },
  'src/transport': {
    files: ['src/util', 'src/ports', 'src/protocol'],
    packages: ['lib0', 'simple-peer'],
  },
  'src/storage': { files: ['src/util', 'src/ports', 'src/protocol'], packages: ['lib0', 'idb'] },
  'src/signaling': {
    files: ['src/util', 'src/ports', 'src/protocol'],
    packages: ['lib0'],
  },
  'src/runtime': { files: BELOW_RUNTIME, packages: ['lib0'] },
  'src/records': {
    files: [...PURE, 'src/ports', 'src/runtime/extension.ts'],
    packages: ['lib0'],
  },
  'src/simulation': {
    files: [...PURE, 'src/ports', 'src/storage/memory.ts', 'src/runtime', 'src/records', 'src'],
    packages: ['lib0'],
  },
  src: {
    files: [...BELOW_RUNTIME, 'src/runtime', 'src/records'],
    packages: ['lib0'],
  },
  'src/yjs': {
    files: [...BELOW_RUNTIME, 'src/runtime', 'src'],
    packages: ['lib0', 'yjs', 'y-protocols'],
  },
  'signaling-server': {
    files: ['src/signaling/messages.ts', 'src/util'],
    packages: ['ws', 'node:*'],
  },
  demo: { files: PUBLIC, packages: ['*'] },
  examples: { files: PUBLIC, packages: ['*'] },
};

/** Packages that one file alone may import, so that they can be replaced in one place. */
const SOLE_IMPORTER = {
  'simple-peer': 'src/transport/simple-peer.ts',
  idb: 'src/storage/indexeddb.ts',
};

/** What the main entry must not load, however indirectly. */
const NOT_FROM_INDEX = ['yjs', 'y-protocols', 'src/yjs/', 'src/simulation/'];

/** Globals that pure code must be handed instead. `Math` is allowed save for `Math.random`. */
const IMPURE = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'requestAnimationFrame',
  'crypto',
  'globalThis',
  'window',
  'self',
  'process',
]);

/** The layer of `path`: the longest entry of LAYERS that holds it. */
function layerOf(path) {
  const folder = path.slice(0, path.lastIndexOf('/'));
  for (let name = folder; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    if (!(name in LAYERS)) continue;
    // A folder of src that no entry names is a layer of its own, not one of src's root files.
    return name === 'src' && folder !== 'src' ? undefined : name;
  }
  return undefined;
}

const allowsPackage = (allowed, name) =>
  allowed.some(
    (each) => each === name || each === '*' || (each === 'node:*' && /^node:/.test(name)),
  );

function judgeImport(source, item, layer, known) {
  const finding = (rule, message) => ({ rule, path: source.path, line: item.line, message });
  const rules = LAYERS[layer];
  if (item.package !== undefined) {
    const sole = SOLE_IMPORTER[item.package];
    if (sole !== undefined && sole !== source.path) {
      return finding('sole-importer', `${item.package} is imported by ${sole} alone`);
    }
    if (!allowsPackage(rules.packages, item.package)) {
      return finding('package', `${layer} does not import the package ${item.package}`);
    }
    return undefined;
  }
  if (!known.has(item.target)) return undefined;
  if (isTest(item.target)) return finding('test-import', `imports the test code ${item.target}`);
  const target = layerOf(item.target);
  const allowed =
    target === layer || rules.files.includes(item.target) || rules.files.includes(target);
  return allowed ? undefined : finding('layer', `${layer} does not import ${item.target}`);
}

/** Imports that cross layers the wrong way, or name a package that the layer has no use for. */
function checkImports(sources, known) {
  const findings = [];
  for (const source of sources) {
    if (isTest(source.path)) continue;
    const layer = layerOf(source.path);
    if (layer === undefined) {
      if (source.path.startsWith('src/')) {
        const message = 'its folder is no layer; name it in scripts/lib/layers.mjs';
        findings.push({ rule: 'layer', path: source.path, line: 1, message });
      }
      continue;
    }
    for (const item of source.imports) {
      const finding = judgeImport(source, item, layer, known);
      if (finding !== undefined) findings.push(finding);
    }
  }
  return findings;
}

/** One finding a circle of imports, type-only ones included. */
function checkCycles(sources, known) {
  const findings = [];
  const state = new Map();
  const path = [];
  const visit = (source) => {
    state.set(source.path, 'open');
    path.push(source.path);
    for (const item of source.imports) {
      const next = known.get(item.target);
      if (next === undefined) continue;
      if (state.get(next.path) === 'open') {
        const circle = [...path.slice(path.indexOf(next.path)), next.path];
        const message = `imports run in a circle: ${circle.join(' -> ')}`;
        findings.push({ rule: 'cycle', path: source.path, line: item.line, message });
      } else if (!state.has(next.path)) {
        visit(next);
      }
    }
    path.pop();
    state.set(source.path, 'done');
  };
  for (const source of sources) if (!state.has(source.path)) visit(source);
  return findings;
}

/** What src/index.ts reaches and must not, with the way there. */
function checkEntry(known) {
  const entry = known.get('src/index.ts');
  if (entry === undefined) return [];
  const findings = [];
  const ways = new Map([[entry.path, [entry.path]]]);
  for (const [path, way] of ways) {
    for (const item of known.get(path).imports) {
      const name = item.target ?? item.package;
      if (NOT_FROM_INDEX.some((each) => name === each || name.startsWith(each))) {
        const message = `src/index.ts must not load ${name}: ${[...way, name].join(' -> ')}`;
        findings.push({ rule: 'entry', path, line: item.line, message });
      } else if (known.has(item.target) && !ways.has(item.target)) {
        ways.set(item.target, [...way, item.target]);
      }
    }
  }
  return findings;
}

/** Whether a statement, parameter or import in a scope around `node` declares `name`. */
function isShadowed(node, name) {
  const binds = (binding) =>
    ts.isIdentifier(binding)
      ? binding.text === name
      : binding.elements.some((each) => !ts.isOmittedExpression(each) && binds(each.name));
  const declares = (statement) => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.some((each) => binds(each.name));
    }
    if (ts.isFunctionDeclaration(statement)) return statement.name?.text === name;
    if (!ts.isImportDeclaration(statement)) return false;
    const clause = statement.importClause;
    const named = clause?.namedBindings;
    if (clause?.name?.text === name) return true;
    if (named === undefined) return false;
    return ts.isNamespaceImport(named)
      ? binds(named.name)
      : named.elements.some((e) => binds(e.name));
  };
  for (let scope = node.parent; scope !== undefined; scope = scope.parent) {
    if (ts.isFunctionLike(scope) && scope.parameters.some((each) => binds(each.name))) return true;
    if ((ts.isBlock(scope) || ts.isSourceFile(scope)) && scope.statements.some(declares))
      return true;
  }
  return false;
}

/** Whether the identifier `node` is a value that is read here: no declared, property or type name. */
function isRead(node) {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isTypeNode(parent) || ts.isQualifiedName(parent)) return false;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isImportSpecifier(parent) || ts.isLabeledStatement(parent)) return false;
  return parent.name !== node;
}

/** What pure code would take from the platform by `node`, if anything. */
function impurityOf(node) {
  if (!ts.isIdentifier(node) || !isRead(node)) return undefined;
  if (IMPURE.has(node.text)) return isShadowed(node, node.text) ? undefined : node.text;
  if (node.text !== 'Math') return undefined;
  const named = ts.isPropertyAccessExpression(node.parent) && node.parent.name.text;
  return named !== false && named !== 'random' ? undefined : 'Math.random';
}

/** Uses of the clock, chance, timers and the platform in pure layers. */
function checkPurity(sources) {
  const findings = [];
  for (const source of sources) {
    const layer = layerOf(source.path);
    if (source.ast === undefined || isTest(source.path) || !PURE.includes(layer)) continue;
    walk(source.ast, (node) => {
      const name = impurityOf(node);
      if (name === undefined) return;
      const message = `${layer} is pure: ${name} has to be handed in`;
      findings.push({ rule: 'pure', path: source.path, line: lineOf(source.ast, node), message });
    });
  }
  return findings;
}

/**
 * All findings about how the files of this repository depend on one another.
 * @param {import('./sources.mjs').Source[]} sources
 * @returns {import('./sources.mjs').Finding[]}
 */
export function checkLayers(sources) {
  const known = new Map(sources.map((source) => [source.path, source]));
  return [
    ...checkImports(sources, known),
    ...checkCycles(sources, known),
    ...checkEntry(known),
    ...checkPurity(sources),
  ];
}
