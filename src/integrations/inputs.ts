// The inputs of a step at run time: every expression replaced by its value. Nothing is copied: what an earlier step
// gave, buffers included, is handed on as it is.
import { invalidField } from '../kernel/fault.ts';
import type { Expression, ListItem, Step } from './definition.ts';
import { named } from './problems.ts';
import { parseReference, referenceKey, walk } from './reference.ts';
import { parseTemplate } from './template-text.ts';

export type RunValues = {
  /** By key. A connection variable holds the connection for the step; null is a place left empty. */
  readonly configVariables: ReadonlyMap<string, unknown>;
  /** What each step that has run gave, by `referenceKey(step.name)`. */
  readonly results: ReadonlyMap<string, unknown>;
};

// A short template can name the same large result thousands of times.
const maxTextLength = 10_000_000;

/**
 * The inputs by name. Throws `invalid_field` that names the step, the input and the reference, never a value: the
 * message goes to the log of the execution.
 */
export function resolveInputs(step: Step, values: RunValues): Readonly<Record<string, unknown>> {
  // `fromEntries` defines properties, so that no name can reach a prototype.
  return Object.fromEntries(
    step.inputs.map(({ name, value }) => [name, new Resolver(step, name, values).resolve(value)]),
  );
}

class Resolver {
  readonly #field: string;
  readonly #values: RunValues;

  constructor(step: Step, input: string, values: RunValues) {
    this.#field = `step ${named(step.name)}, input ${named(input)}`;
    this.#values = values;
  }

  resolve(expression: Expression): unknown {
    switch (expression.kind) {
      case 'value':
        return expression.value;
      case 'configVariable':
        return expression.key === null ? null : this.#configVariable(expression.key);
      case 'reference':
        return expression.path === null ? null : this.#reference(expression.path);
      case 'template':
        return this.#template(expression.text);
      case 'list':
        return expression.items.map((item) => this.#item(item));
    }
  }

  #item(item: ListItem): unknown {
    switch (item.kind) {
      case 'bare':
        return item.value;
      case 'group':
        return item.items.map((inner) => this.#item(inner));
      case 'entry': {
        const value = this.resolve(item.value);
        return item.name === null ? value : { key: this.#text(this.resolve(item.name), 'a name'), value };
      }
    }
  }

  #configVariable(key: string): unknown {
    if (!this.#values.configVariables.has(key)) {
      throw invalidField(
        this.#field,
        `the config variable ${named(key)} has no value.`,
        'Fill it in where the instance is configured.',
      );
    }
    return this.#values.configVariables.get(key);
  }

  #reference(text: string): unknown {
    const reference = parseReference(text);
    if (typeof reference === 'string') {
      throw invalidField(this.#field, `${named(text)} ${reference}`, 'Correct the reference.');
    }
    const key = referenceKey(reference.step);
    if (!this.#values.results.has(key)) {
      throw invalidField(
        this.#field,
        `${named(text)} refers to a step that has given no result.`,
        'Refer to a step that runs before this one.',
      );
    }
    const walked = walk(this.#values.results.get(key), reference.path);
    if (walked.kind === 'found') return walked.value;
    const stop = [reference.step, 'results', ...walked.at].join('.');
    throw invalidField(
      this.#field,
      `${named(text)} leads nowhere: ${named(stop)} ${walked.there}, so it has no ${named(walked.key)}.`,
      'Look at the result of that step and correct the reference.',
    );
  }

  #template(text: string): string {
    const parts = parseTemplate(text);
    if (typeof parts === 'string') {
      throw invalidField(this.#field, `the template ${parts}`, 'Correct the template.');
    }
    const pieces: string[] = [];
    let length = 0;
    for (const part of parts) {
      const piece =
        part.kind === 'text'
          ? part.text
          : part.kind === 'configVariable'
            ? this.#text(this.#configVariable(part.key), `{{#${part.key}}}`)
            : this.#text(this.#reference(part.path), `{{$${part.path}}}`);
      length += piece.length;
      if (length > maxTextLength) {
        throw invalidField(this.#field, 'the template grows too long.', 'Refer to less text.');
      }
      pieces.push(piece);
    }
    return pieces.join('');
  }

  #text(value: unknown, place: string): string {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
      return String(value);
    if (value === null || value === undefined) return '';
    throw invalidField(
      this.#field,
      `${named(place)} is not text.`,
      'Refer to a text or a number inside of it, or use a reference instead of a template.',
    );
  }
}
