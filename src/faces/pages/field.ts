// Form controls with label, hint and problem tied together for screen readers, and the words of a Fault beside the
// field that it names.
import { type Fault, isFault } from '../../kernel/fault.ts';
import { type Html, type HtmlValue, html } from './html.ts';

export type Field = {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'email' | 'password';
  readonly value?: string;
  readonly hint?: HtmlValue;
  readonly problem?: string | null;
  /** What browsers and password managers fill in. */
  readonly autocomplete?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly autofocus?: boolean;
  /** Says so beside its label, and may stay empty. */
  readonly isOptional?: boolean;
};

/** A field, required unless it says otherwise; its value is never a password's. The one with a problem gets the focus. */
export function field(options: Field): Html {
  const { name, label, type = 'text', hint, problem, isOptional = false } = options;
  const described = [hint == null ? '' : `${name}-hint`, problem == null ? '' : `${name}-problem`]
    .filter((id) => id !== '')
    .join(' ');
  return html`<div class="field"><label for="${name}">${label}${isOptional && html` <span class="optional">(optional)</span>`}</label>
<input id="${name}" name="${name}" type="${type}"${!isOptional && html` required`} value="${type === 'password' ? '' : options.value}"${attribute('autocomplete', options.autocomplete)}${attribute('minlength', options.minLength)}${attribute('maxlength', options.maxLength)}${attribute('aria-describedby', described === '' ? undefined : described)}${problem != null && html` aria-invalid="true"`}${(options.autofocus === true || problem != null) && html` autofocus`}${type === 'email' && html` autocapitalize="none" spellcheck="false"`}>
${hint != null && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${problemText(name, problem)}</div>`;
}

/** For what stands in a form without being a control, too. */
export function problemText(name: string, problem: string | null | undefined): Html | null {
  return problem == null ? null : html`<p class="problem" id="${name}-problem">${problem}</p>`;
}

export type Choice = { readonly value: string; readonly label: string };

export function select(options: {
  readonly name: string;
  readonly label: string;
  readonly choices: readonly Choice[];
  readonly chosen: string;
  readonly problem?: string | null;
}): Html {
  const { name, label, choices, chosen, problem } = options;
  return html`<div class="field"><label for="${name}">${label}</label>
<select id="${name}" name="${name}"${problem != null && html` aria-invalid="true" aria-describedby="${name}-problem" autofocus`}>${choices.map(
    (choice) =>
      html`<option value="${choice.value}"${choice.value === chosen && html` selected`}>${choice.label}</option>`,
  )}</select>
${problemText(name, problem)}</div>`;
}

/** What stands beside the field: the Fault's words without the field's technical name. */
export function problemAt(fault: Fault | null, name: string, label: string): string | null {
  if (fault === null || fault.field !== name) return null;
  return `${label} ${withoutField(fault)}`;
}

/** Above the form, for what no field of it shows. */
export function formProblem(fault: Fault | null, fields: readonly string[]): Html | null {
  if (fault === null) return null;
  const isShownBelow = fault.field !== null && fields.includes(fault.field);
  return html`<div class="notice bad" role="alert">${
    isShownBelow
      ? html`<p>Please look at the marked field.</p>`
      : html`<p>${fault.field === null ? fault.public : `${fault.field} ${withoutField(fault)}`}</p>`
  }</div>`;
}

/** Faults that a person can mend in the form; everything else is a page of its own. */
export function isMendable(error: unknown): error is Fault {
  return (
    isFault(error) && ['invalid_field', 'conflict', 'not_authenticated', 'rate_limited'].includes(error.code)
  );
}

function withoutField(fault: Fault): string {
  return fault.public.replace(/^\w+: /, '');
}

function attribute(name: string, value: string | number | undefined): Html | false {
  return value !== undefined && html` ${name}="${value}"`;
}
