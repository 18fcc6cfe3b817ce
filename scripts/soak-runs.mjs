/** Set-up of every unit test file: how many runs a property test makes unless it says so itself. */

import fc from 'fast-check';

const RUNS = 100;
const SOAK_RUNS = 5_000;

fc.configureGlobal({ numRuns: process.env.MNEMESH_SOAK === undefined ? RUNS : SOAK_RUNS });
