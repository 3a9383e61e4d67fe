import { describe } from 'vitest';
import { grantDeskContract } from '../../src/refresh/grant-desk.contract.ts';
import { openSimDeskHouse } from './sim-run.ts';

describe('grants in memory', () => grantDeskContract(openSimDeskHouse));
