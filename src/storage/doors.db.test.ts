import { describe } from 'vitest';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { doorsContract } from './doors.contract.ts';

describe('doors of the run’s engine', () => doorsContract(freshDatabase));
