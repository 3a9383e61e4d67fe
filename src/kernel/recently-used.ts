// A memory that is bounded by forgetting what was used longest ago.
import { LRUCache } from 'lru-cache';

/**
 * At most `max` entries, which take room as they come. Told a count instead of a size, the library would make room for all
 * of them at once: fifty thousand empty places cost each start 15 ms and the process a megabyte.
 */
export function createRecentlyUsed<K extends {}, V extends {}>(max: number): LRUCache<K, V> {
  return new LRUCache({ maxSize: max, sizeCalculation: () => 1 });
}
