// For tests: the example that the documentation shows, and what a refused text was refused with.
import { readFileSync } from 'node:fs';
import { Fault } from '../kernel/fault.ts';
import { DefinitionFault } from './problems.ts';
import { parseDefinition } from './yaml.ts';

export const page = readFileSync(new URL('../../docs/integration-yaml.md', import.meta.url), 'utf8');

/** The complete example of the page. */
export const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

/** The example with one piece replaced, so that each test shows only what is wrong. */
export function edited(find: string, replacement: string): string {
  if (!example.includes(find)) throw new Error(`The example has no ${JSON.stringify(find)}`);
  return example.replace(find, replacement);
}

export function problemsOf(text: string): DefinitionFault {
  try {
    parseDefinition(text);
  } catch (error) {
    if (error instanceof DefinitionFault) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The code of the fault, or `read`; any other error is a bug and comes through. */
export function codeOf(text: string): string {
  try {
    parseDefinition(text);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'read';
}
