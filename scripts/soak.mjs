/**
 * `npm run test:soak`: the unit and browser tests with MNEMESH_SOAK set, which makes them hunt longer:
 * property tests make twenty to fifty times as many runs, browsers are killed thirty
 * times a test. It takes up to an hour. A failing property prints the seed that replays it.
 */

process.env.MNEMESH_SOAK ??= '1';
process.argv.splice(2, process.argv.length, 'unit', 'e2e');
await import('./test.mjs');
