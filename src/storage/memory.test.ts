import { describe, it } from 'vitest';
import { MemoryDisk, memoryStore } from './memory.ts';
import { storeCases } from './store.contract.ts';

describe('the memory store keeps the contract of stores', () => {
  for (const { name, run } of storeCases) {
    it(name, () => {
      const disk = new MemoryDisk();
      return run(async () => memoryStore(disk));
    });
  }
});
