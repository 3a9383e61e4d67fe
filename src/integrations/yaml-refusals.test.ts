import { expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { edited, problemsOf } from './page-example.fixture.ts';

// What is edited in the example, what replaces it, the path that the problem names, a piece of the message.
const badInputs: readonly (readonly [string, string, string, RegExp])[] = [
  ['definitionVersion: 7', 'definitionVersion: 4', 'definitionVersion', /only definitionVersion: 7/],
  ['definitionVersion: 7', 'definitionVersion: "7"', 'definitionVersion', /is not 7/],
  ['name: Reverse geocode', 'name:', 'name', /is missing/],
  ['name: Reverse geocode', 'name: 12', 'name', /Put it in quotes/],
  ['name: Reverse geocode', 'name: ["a"]', 'name', /a list, not text/],
  ['name: Reverse geocode', `name: ${'a'.repeat(201)}`, 'name', /longer than 200/],
  ['name: Reverse geocode', 'name: __proto__', 'name', /not a possible name/],
  ['name: Reverse geocode', 'name: "  "', 'name', /blank/],
  ['labels: [demo]', 'labels: demo', 'labels', /Write a list/],
  ['labels: [demo]', 'labels: [demo, 7]', 'labels[1]', /Put it in quotes/],
  [
    'key: Bucket\n',
    'key: Photo Folder\n',
    'requiredConfigVars[4].key',
    /same as that of requiredConfigVars\[3\]/,
  ],
  ['stableKey: bucket', 'stableKey: photo-folder', 'requiredConfigVars[4].stableKey', /same as/],
  [
    'dataType: connection\n    connection:',
    'dataType: conection\n    connection:',
    'requiredConfigVars[0].dataType',
    /Write one of .*connection/,
  ],
  ['required: false', 'required: "no"', 'requiredConfigVars[3].required', /true or false without quotes/],
  ['      key: oauth2\n', '', 'requiredConfigVars[0].connection.key', /is missing/],
  [
    'key: oauth2\n',
    'key: oauth2\n      keys: x\n',
    'requiredConfigVars[0].connection.keys',
    /not known here/,
  ],
  [
    'version: LATEST }\n      key: oauth2',
    'version: "3" }\n      key: oauth2',
    'requiredConfigVars[0].connection.component.version',
    /version number without quotes, or LATEST/,
  ],
  [
    'version: LATEST }\n      key: oauth2',
    'version: 0 }\n      key: oauth2',
    'requiredConfigVars[0].connection.component.version',
    /version number/,
  ],
  [
    'isPublic: true, version: LATEST }\n      key: oauth2',
    'isPublic: 1, version: LATEST }\n      key: oauth2',
    'requiredConfigVars[0].connection.component.isPublic',
    /true or false/,
  ],
  [
    'oAuthSuccessRedirectUri: https://app.example.com/connected',
    'oAuthSuccessRedirectUri: javascript:alert(1)',
    'requiredConfigVars[0].meta.oAuthSuccessRedirectUri',
    /https:\/\//,
  ],
  [
    'orgOnly: true, visibleToOrgDeployer: false',
    'orgOnly: "yes", visibleToOrgDeployer: false',
    'requiredConfigVars[0].inputs.clientId.meta.orgOnly',
    /true or false/,
  ],
  [
    '        type: value\n        value: our-dropbox-app-key',
    '        type: reference\n        value: listPhotos.results',
    'requiredConfigVars[0].inputs.clientId.type',
    /no step has run/,
  ],
  [
    'type: value\n        value: our-dropbox-app-key',
    'type: secret\n        value: our-dropbox-app-key',
    'requiredConfigVars[0].inputs.clientId.type',
    /value, configVar, reference, template, complex/,
  ],
  [
    '{ type: configVar, value: Bucket }\n\n',
    '{ type: configVar, value: Buckets }\n\n',
    'configPages[1].elements[1].value',
    /no config variable "Buckets"/,
  ],
  ['{ type: htmlElement,', '{ type: html,', 'configPages[0].elements[0].type', /htmlElement/],
  [
    '  - name: Places\n',
    '  - name: Places\n    userLevelConfigured: maybe\n',
    'configPages[1].userLevelConfigured',
    /true or false/,
  ],
  ['isTrigger: true', 'isTrigger: false', 'flows[0].steps[0].isTrigger', /not the trigger/],
  [
    '- name: List Photos',
    '- name: List Photos\n        isTrigger: true',
    'flows[0].steps[1].isTrigger',
    /second trigger/,
  ],
  [
    '- name: Find Address',
    '- name: list photos',
    'flows[0].steps[3].name',
    /same as that of flows\[0\].steps\[1\]/,
  ],
  ['- name: Find Address', '- name: "???"', 'flows[0].steps[3].name', /no letter or digit/],
  ['- name: Find Address', '- nam: Find Address', 'flows[0].steps[3].name', /is missing/],
  [
    'endpointSecurityType: customer_optional',
    'endpointSecurityType: none',
    'flows[0].endpointSecurityType',
    /unsecured/,
  ],
  ['isSynchronous: false', 'isSynchronous: 0', 'flows[0].isSynchronous', /a number/],
  [
    'listPhotos.results.entries[0].path_lower',
    'listPictures.results.entries[0].path_lower',
    'flows[0].steps[2].inputs.path.value',
    /Earlier steps are onUpload, listPhotos\./,
  ],
  [
    'listPhotos.results.entries[0].path_lower',
    'findAddress.results.address',
    'flows[0].steps[2].inputs.path.value',
    /has not run yet/,
  ],
  [
    'listPhotos.results.entries[0].path_lower',
    'downloadPhoto.results',
    'flows[0].steps[2].inputs.path.value',
    /has not run yet/,
  ],
  [
    'listPhotos.results.entries[0].path_lower',
    'listPhotos.entries[0]',
    'flows[0].steps[2].inputs.path.value',
    /\.results/,
  ],
  [
    'listPhotos.results.entries[0].path_lower',
    'listPhotos.results..x',
    'flows[0].steps[2].inputs.path.value',
    /empty or broken/,
  ],
  [
    'listPhotos.results.entries[0].path_lower',
    'listPhotos.results.entries[x]',
    'flows[0].steps[2].inputs.path.value',
    /empty or broken/,
  ],
  [
    'listPhotos.results.entries[0].path_lower',
    'loopOverPhotos.currentItem',
    'flows[0].steps[2].inputs.path.value',
    /loops are not supported/,
  ],
  [
    '{ type: configVar, value: Photo Folder }\n          recursive',
    '{ type: configVar, value: Folder }\n          recursive',
    'flows[0].steps[1].inputs.path.value',
    /no config variable "Folder"/,
  ],
  [
    'addresses/{{$listPhotos',
    'addresses/{{#Dropbox Connection}}{{$listPhotos',
    'flows[0].steps[4].inputs.objectKey.value',
    /is a connection/,
  ],
  [
    'addresses/{{$listPhotos',
    'addresses/{{#Nothing}}{{$listPhotos',
    'flows[0].steps[4].inputs.objectKey.value',
    /no config variable "Nothing"/,
  ],
  ['.name}}.txt', '.name.txt', 'flows[0].steps[4].inputs.objectKey.value', /not closed/],
  [
    'addresses/{{$listPhotos',
    'addresses/{{#}}{{$listPhotos',
    'flows[0].steps[4].inputs.objectKey.value',
    /empty or broken/,
  ],
  [
    'contents: { type: reference, value: findAddress.results.address }',
    'contents: findAddress.results.address',
    'flows[0].steps[4].inputs.contents',
    /Write a mapping/,
  ],
  [
    'errorHandlerType: retry',
    'errorHandlerType: again',
    'flows[0].steps[2].errorConfig.errorHandlerType',
    /fail, ignore, retry/,
  ],
  ['maxAttempts: 3', 'maxAttempts: -1', 'flows[0].steps[2].errorConfig.maxAttempts', /0 to 100/],
  ['key: reverseGeocodePhoto', 'keys: reverseGeocodePhoto', 'flows[0].steps[3].action.key', /is missing/],
  [
    '- name: List Photos',
    '- name: List Photos\n        credential: Bucket',
    'flows[0].steps[1].credential',
    /not a credential/,
  ],
  [
    '- name: List Photos',
    '- name: List Photos\n        branches: [{ name: A, steps: [] }]',
    'flows[0].steps[1].branches',
    /"List Photos" has branches/,
  ],
  [
    '- name: List Photos',
    '- name: List Photos\n        steps: [{ name: In }]',
    'flows[0].steps[1].steps',
    /"List Photos" has a loop/,
  ],
  ['category: Photos', 'category: Photos\nname: Again', 'name', /stands twice/],
  ['category: Photos', 'category: Photos\n__proto__: { isAdmin: true }', '__proto__', /not a possible name/],
  [
    'path: { type: configVar, value: Photo Folder }',
    '"__proto__": { type: configVar, value: Photo Folder }',
    'flows[0].steps[1].inputs.__proto__',
    /not a possible name/,
  ],
  ['category: Photos', 'category: Photos\nbig: 12345678901234567890', 'big', /in quotes/],
  ['category: Photos', 'category: Photos\nodd: .nan', 'odd', /not supported/],
  ['category: Photos', 'category: "a\\0b"', 'category', /cannot be stored/],
  ['category: Photos', 'category: Photos\n? [a, b]\n: c', 'definition', /key that is not text/],
  ['category: Photos', 'category: *nowhere', 'category', /anchor/],
  ['category: Photos', 'category: &a [*a]', 'category[0]', /anchor/],
  ['category: Photos', 'category: !shell rm', 'definition', /line \d+/],
  ['category: Photos', 'category: Photos: x', 'definition', /line \d+, column \d+/],
  ['labels: [demo]', 'labels: [demo', 'definition', /line \d+/],
  ['category: Photos', 'category: Photos\n---\nname: two', 'definition', /multiple docs/],
];

test.each(badInputs)('%j written as %j is a problem of %s', (find, replacement, field, message) => {
  const fault = problemsOf(edited(find, replacement));
  expect(isFault(fault, 'invalid_field')).toBe(true);
  const found = fault.problems.find((problem) => problem.field === field);
  expect(found, fault.message).toBeDefined();
  expect(`${found?.problem} ${found?.cure}`).toMatch(message);
  expect(found?.cure).not.toBe('');
});

test.each(['', '# nothing', 'null', '[]', 'text', '12', '[1, 2]'])('%j is refused as no mapping', (text) => {
  expect(problemsOf(text).field).toBe('definition');
});

test('every problem of a file is told at once, up to ten in the message and all in the list', () => {
  const flows = Array.from(
    { length: 15 },
    (_unused, index) => `  - { name: F${index}, isSynchronous: 1, steps: 2 }`,
  );
  const fault = problemsOf(`definitionVersion: 7\nflows:\n${flows.join('\n')}\n`);
  expect(fault.problems.map(({ field }) => field)).toEqual(
    expect.arrayContaining(['name', 'flows[0].isSynchronous', 'flows[14].isSynchronous', 'flows[7].steps']),
  );
  expect(fault.message.split('\n')).toHaveLength(11);
  expect(fault.message).toMatch(/And \d+ more\.$/);
});

test('one broken step does not make its neighbours wrong', () => {
  const broken = edited('      - name: List Photos\n', '      - 7\n      - name: List Photos\n');
  expect(problemsOf(broken).problems.map(({ field }) => field)).toEqual(['flows[0].steps[1]']);
});

test('a secret typed into the wrong place is not repeated in the message', () => {
  const secret = 'xoxb-very-secret';
  for (const [find, replacement] of [
    ['        type: value\n        value: our-dropbox-app-key', `        type: ${secret}\n        value: x`],
    ['connection: { type: configVar, value: Dropbox Connection }', `connection: ${secret}`],
    ['orgOnly: true', `orgOnly: ${secret}`],
    ['labels: [demo]', `labels: ${secret}`],
    ['category: Photos', `category: "${secret}" x`],
    ['category: Photos', `category: Photos\n} ${secret}`],
  ] as const) {
    const fault = problemsOf(edited(find, replacement));
    expect(`${fault.public} ${JSON.stringify(fault.problems)}`).not.toContain(secret);
  }
});
