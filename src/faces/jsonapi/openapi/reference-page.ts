// The OpenAPI document as one page for people: everything is on it, so that the browser's own search finds it.
import { type Html, html } from '../../pages/html.ts';
import type { Page } from '../../pages/layout.ts';
import type { JsonNode } from './json-schema.ts';
import type {
  OpenApiContent,
  OpenApiDocument,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiResponse,
} from './openapi-document.ts';
import { type SchemaRow, schemaRows } from './schema-rows.ts';

type Listed = { readonly method: string; readonly path: string; readonly operation: OpenApiOperation };
type Schemas = Readonly<Record<string, JsonNode>>;

export function referencePage(document: OpenApiDocument): Page {
  const listed = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const groups = document.tags.map(({ name }) => ({
    name,
    anchor: name.toLowerCase().replaceAll(' ', '-'),
    operations: listed.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const { schemas } = document.components;
  const body = html`<div class="head"><h1>API reference</h1><p class="lead">${prose(document.info.description)}</p>
<p>For programs: <a href="/v2/openapi.json">openapi.json</a> (OpenAPI 3.1).</p></div>
<nav class="card contents" aria-label="Contents">${groups.map(
    (group) =>
      html`<div><h2><a href="#${group.anchor}">${group.name}</a></h2><ul class="plain">${group.operations.map(
        ({ method, path, operation }) =>
          html`<li><a href="#${operation.operationId}">${operation.summary}</a> <code class="muted">${method} ${breakable(path)}</code></li>`,
      )}</ul></div>`,
  )}<div><h2><a href="#schemas">Schemas</a></h2><ul class="plain names">${Object.keys(schemas).map(
    (name) => html`<li><a href="#schema-${name}">${name}</a></li>`,
  )}</ul></div></nav>
${groups.map(
  (group) => html`<h2 id="${group.anchor}">${group.name}</h2>
${group.operations.map((one) => operationCard(one, schemas))}`,
)}
<h2 id="schemas">Schemas</h2>
${Object.entries(schemas).map(([name, schema]) => schemaCard(name, schema, schemas))}`;
  return { title: 'API reference', body, width: 'wide' };
}

function operationCard({ method, path, operation }: Listed, schemas: Schemas): Html {
  const { description, parameters = [], requestBody, responses } = operation;
  const answers = Object.entries(responses);
  const isError = ([status]: readonly [string, OpenApiResponse]) => Number(status) >= 400;
  return html`<article class="card" id="${operation.operationId}">
<div class="head"><h3><a href="#${operation.operationId}">${operation.summary}</a></h3><p><span class="tag">${method}</span> <code>${breakable(path)}</code>${operation.security !== undefined && html` <span class="tag">without authentication</span>`}</p></div>
${description !== undefined && html`<p>${prose(description)}</p>`}
${parameters.length > 0 && parameterTable(parameters)}
${requestBody !== undefined && contentPart('Body', requestBody.content, schemas)}
${answers.filter((entry) => !isError(entry)).map(([status, answer]) => answerPart(status, answer, schemas))}
${errorTable(answers.filter(isError))}
</article>`;
}

function schemaCard(name: string, schema: JsonNode, schemas: Schemas): Html {
  const { description } = schema;
  const rows = schemaRows(schema, schemas);
  return html`<article class="card" id="schema-${name}"><h3><a href="#schema-${name}">${name}</a></h3>
${typeof description === 'string' && html`<p>${prose(description)}</p>`}
${rows.length > 0 && fieldTable('Members', rows, schemas)}</article>`;
}

function parameterTable(parameters: readonly OpenApiParameter[]): Html {
  return html`<table class="stack"><caption>Parameters</caption><thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>${parameters.map(
    ({ name, in: place, required, schema, description }) => {
      const [row] = schemaRows({ properties: { [name]: schema } }, {});
      return html`<tr><td data-label="Name"><span><code>${name}</code>${required && ' (required)'}</span></td><td data-label="In" class="whole">${place}</td><td data-label="Type">${row?.type}</td><td data-label="Meaning"><span>${prose(description)}</span></td></tr>`;
    },
  )}</tbody></table>`;
}

function contentPart(title: string, content: OpenApiContent, schemas: Schemas): Html {
  return html`${Object.entries(content).map(([mediaType, { schema, example }]) => {
    const rows = schemaRows(schema, schemas);
    return html`${rows.length > 0 && fieldTable(`${title}, ${mediaType}`, rows, schemas)}
${example !== undefined && html`<pre><code>${JSON.stringify(example, null, 2)}</code></pre>`}`;
  })}`;
}

function fieldTable(caption: string, rows: readonly SchemaRow[], schemas: Schemas): Html {
  const isExplained = rows.some(({ about }) => about !== '');
  return html`<table class="stack"><caption>${caption}</caption><thead><tr><th>Member</th><th>Type</th>${isExplained && html`<th>Meaning</th>`}</tr></thead><tbody>${rows.map(
    ({ path, type, isRequired, when, about }) =>
      html`<tr><td data-label="Member"><span><code>${breakable(path)}</code>${isRequired && ' (required)'}${when !== '' && html` <span class="tag">${when}</span>`}</span></td><td data-label="Type"><span>${linked(type, schemas)}</span></td>${isExplained && html`<td data-label="Meaning">${about !== '' && html`<span>${prose(about)}</span>`}</td>`}</tr>`,
  )}</tbody></table>`;
}

/** Long paths and addresses break where a name ends, not within it. */
function breakable(path: string): readonly (Html | string)[] {
  return path.split(/(?<=\.)|(?=\/)/).map((part, index) => (index === 0 ? part : html`<wbr>${part}`));
}

function answerPart(status: string, answer: OpenApiResponse, schemas: Schemas): Html {
  const { description, content = {}, headers = {} } = answer;
  return html`<div class="head"><h4>Answer ${status}</h4><p>${prose(description)}</p>
${Object.entries(headers).map(([name, header]) => html`<p class="small"><code>${name}</code>: ${prose(header.description)}</p>`)}</div>
${contentPart('Answer', content, schemas)}`;
}

function errorTable(errors: readonly (readonly [string, OpenApiResponse])[]): Html {
  return html`<table class="stack"><caption>Errors</caption><thead><tr><th>Status</th><th>Codes</th></tr></thead><tbody>${errors.map(
    ([status, { description }]) =>
      html`<tr><td data-label="Status">${status}</td><td data-label="Codes"><span>${prose(description)}</span></td></tr>`,
  )}</tbody></table>`;
}

/** A type in which the names of schemas lead to them. */
function linked(type: string, schemas: Schemas): readonly (Html | string)[] {
  return type
    .split(/( )/)
    .map((word) => (Object.hasOwn(schemas, word) ? html`<a href="#schema-${word}">${word}</a>` : word));
}

/** Text in which `code` stands between backticks. */
function prose(text: string): readonly (Html | string)[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}
