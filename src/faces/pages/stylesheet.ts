// One small stylesheet for all pages, light and dark, 360 px and up. Classes say what a thing is, not how it looks.
import { createHash } from 'node:crypto';

export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #f6f6f3; --surface: #ffffff; --sunken: #f1f1ed; --line: #dcdcd5; --control: #8b8f8c;
  --text: #1b1f1e; --muted: #59615e; --accent: #175e54; --accent-strong: #0f483f; --on-accent: #ffffff;
  --bad: #a3261d; --bad-ground: #fcf0ee; --bad-line: #e9b8b2;
  --good: #1c6b34; --good-ground: #eef7f0; --good-line: #b3d8bd;
  --focus: #1769d2;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131615; --surface: #1b1f1e; --sunken: #151918; --line: #323936; --control: #7c8581;
    --text: #e8ebe9; --muted: #a3ada8; --accent: #7fd1bf; --accent-strong: #a5e2d4; --on-accent: #0b2621;
    --bad: #ff9d92; --bad-ground: #2b1917; --bad-line: #6b3530;
    --good: #8fd8a4; --good-ground: #16261b; --good-line: #33573f;
    --focus: #7db4ff;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
  overflow-wrap: break-word;
}
h1, h2, h3, h4, p, ul, ol, dl, dd, fieldset, table, pre { margin: 0; padding: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.012em; }
h2 { font-size: 1.125rem; line-height: 1.35; font-weight: 620; }
h3, h4 { font-size: 1rem; font-weight: 620; }
a { color: var(--accent); text-underline-offset: 0.18em; }
a:hover { color: var(--accent-strong); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
code, .mono { font-family: var(--mono); font-size: 0.92em; }
pre { padding: 0.75rem; background: var(--sunken); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; font-size: 0.875rem; }
.plain { list-style: none; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: 0.5rem 0.75rem; background: var(--surface); z-index: 1; }
.skip:focus { top: 0.75rem; }

.top {
  display: flex; align-items: center; justify-content: space-between; gap: 0.5rem 1rem; flex-wrap: wrap;
  max-width: 62rem; margin: 0 auto; padding: 1.25rem 1.25rem 0;
}
.narrow .top { max-width: 31rem; }
.brand {
  display: inline-flex; align-items: center; gap: 0.5rem; color: var(--text); text-decoration: none;
  font-weight: 640; letter-spacing: -0.01em;
}
.mark { width: 1.625rem; height: 1.625rem; fill: none; stroke: var(--accent); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; }
.aside { display: flex; align-items: center; gap: 0.75rem; color: var(--muted); font-size: 0.9375rem; min-width: 0; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem; max-width: 62rem; margin: 0 auto; padding: 1.25rem 1.25rem 4rem; }
.narrow main { max-width: 31rem; padding-top: 1.5rem; }
.card {
  display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.125rem; align-content: start;
  padding: 1.5rem; background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
}
.head { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.375rem; }
.lead, .muted { color: var(--muted); }
.small { font-size: 0.875rem; }
.spread { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.5rem 1rem; }

form { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.125rem; }
form.inline { display: inline; }
.field { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.3rem; min-width: 0; align-content: start; }
.field > label { font-weight: 570; }
legend { padding: 0 0 0.375rem; }
.hint { color: var(--muted); font-size: 0.875rem; }
.optional { color: var(--muted); font-weight: 400; }
.problem { color: var(--bad); font-size: 0.875rem; }
input, select, textarea, button { font: inherit; color: inherit; }
input:not([type='checkbox'], [type='radio']), select {
  width: 100%; min-height: 2.75rem; padding: 0.5rem 0.75rem;
  background: var(--surface); border: 1px solid var(--control); border-radius: 8px;
}
input[aria-invalid='true'] { border-color: var(--bad); box-shadow: inset 0 0 0 1px var(--bad); }
input[type='checkbox'], input[type='radio'] { width: 1.125rem; height: 1.125rem; margin: 0; accent-color: var(--accent); flex: none; }
.long-enough { display: none; color: var(--good); }
input:valid ~ .hint .long-enough { display: inline; }
input:valid ~ .hint .too-short { display: none; }
.row { display: grid; gap: 1.125rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
fieldset { border: 0; min-width: 0; display: grid; gap: 0.5rem; }
.choices { display: grid; gap: 0.5rem 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13.5rem), 1fr)); }
.choice { display: flex; gap: 0.55rem; align-items: center; min-height: 1.75rem; }
details > summary { cursor: pointer; color: var(--accent); font-weight: 570; min-height: 1.75rem; }
details[open] > summary { margin-bottom: 0.75rem; }
button, .button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: 0.5rem 1.125rem;
  border: 1px solid transparent; border-radius: 8px; cursor: pointer; font-weight: 590; text-decoration: none;
  background: var(--accent); color: var(--on-accent);
}
button:hover, .button:hover { background: var(--accent-strong); color: var(--on-accent); }
.quiet { background: transparent; color: var(--accent); border-color: var(--line); }
.quiet:hover { background: var(--sunken); color: var(--accent-strong); }
.danger { background: var(--bad); color: var(--surface); }
.danger:hover { background: var(--bad); color: var(--surface); filter: brightness(0.92); }
.slim { min-height: 2.125rem; padding: 0.25rem 0.75rem; font-size: 0.9375rem; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; }

.notice { padding: 0.875rem 1rem; border: 1px solid var(--line); border-radius: 10px; background: var(--sunken); display: grid; gap: 0.375rem; }
.notice.bad { background: var(--bad-ground); border-color: var(--bad-line); }
.notice.bad strong { color: var(--bad); }
.notice.good { background: var(--good-ground); border-color: var(--good-line); }
.notice.good strong { color: var(--good); }
.secret {
  display: block; padding: 0.75rem; background: var(--surface); border: 1px solid var(--line); border-radius: 8px;
  font-family: var(--mono); font-size: 0.9375rem; overflow-wrap: anywhere; user-select: all; -webkit-user-select: all;
}
.facts { display: grid; gap: 0.875rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11rem), 1fr)); }
.facts dt { color: var(--muted); font-size: 0.875rem; }
.tag { display: inline-block; padding: 0.05rem 0.5rem; border: 1px solid var(--line); border-radius: 999px; font-size: 0.8125rem; color: var(--muted); white-space: nowrap; }
.tag.good { color: var(--good); border-color: var(--good-line); background: var(--good-ground); }
.tag.bad { color: var(--bad); border-color: var(--bad-line); background: var(--bad-ground); }

table { width: 100%; border-collapse: collapse; font-size: 0.9375rem; }
caption { text-align: left; color: var(--muted); padding-bottom: 0.5rem; }
th { text-align: left; font-weight: 570; color: var(--muted); font-size: 0.875rem; padding: 0 0.75rem 0.5rem 0; white-space: nowrap; }
td { padding: 0.75rem 0.75rem 0.75rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:last-child, th:last-child { padding-right: 0; }
.acts td:last-child { text-align: right; }
time, td summary, td.whole { white-space: nowrap; }
.names { display: grid; gap: 0.25rem 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); }
main .hidden { position: absolute; width: 1px; height: 1px; min-height: 0; padding: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 44rem) {
  .top { padding: 1rem 1rem 0; column-gap: 0.5rem; }
  main { padding: 1rem 1rem 3rem; }
  .card { padding: 1.125rem; }
  .aside { gap: 0.625rem; }
  .aside .slim { padding: 0.25rem 0.5rem; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack tbody { display: block; }
  .stack tr { display: grid; gap: 0.375rem; padding: 0.875rem 0; border-top: 1px solid var(--line); }
  .stack tr:last-child { padding-bottom: 0; }
  .stack td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: 0.75rem; padding: 0; border: 0; text-align: left; }
  .stack.acts td:last-child { text-align: left; }
  .stack td:empty { display: none; }
  .contents code { display: block; padding-bottom: 0.375rem; }
  .stack td::before { content: attr(data-label); color: var(--muted); font-size: 0.875rem; }
  .stack td[data-label='']::before { content: none; }
  .stack td[data-label=''] { grid-template-columns: minmax(0, 1fr); justify-items: start; padding-top: 0.375rem; }
}
@media (prefers-reduced-motion: no-preference) {
  button, .button, input, select { transition: background-color 120ms, border-color 120ms; }
}
@media (forced-colors: active) {
  button, .button, .card, .notice { border: 1px solid ButtonBorder; }
}
`;

/** Changes with every change of the stylesheet, so that browsers may keep it for ever. */
export const stylesheetPath = `/assets/pages-${createHash('sha256').update(stylesheet).digest('hex').slice(0, 12)}.css`;
