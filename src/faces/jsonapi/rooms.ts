// What this face needs of the house.
import type { House } from '../house.ts';

export type Rooms = Pick<
  House,
  'clock' | 'random' | 'doors' | 'vault' | 'authority' | 'reader' | 'readAudit' | 'useNotes' | 'authenticate'
>;
