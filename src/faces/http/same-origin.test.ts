import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { requireSameOrigin } from './same-origin.ts';

const check = (headers: Readonly<Record<string, string>>) => () =>
  requireSameOrigin(
    { headers, protocol: 'http', host: 'localhost:4080' } as unknown as FastifyRequest,
    'https://connect.example.com/base',
  );

test.each([
  ['a program that is no browser', {}],
  [
    'our page under its public name',
    { origin: 'https://connect.example.com', 'sec-fetch-site': 'same-origin' },
  ],
  ['our page under the name that the browser asked for', { origin: 'http://localhost:4080' }],
  ['a person without any page', { 'sec-fetch-site': 'none' }],
  ['our page that tells no origin', { origin: 'null', 'sec-fetch-site': 'same-origin' }],
])('lets %s through', (_who, headers) => {
  expect(check(headers)).not.toThrow();
});

test.each([
  ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['another site of an old browser', { origin: 'https://evil.example' }],
  ['a neighbour under the same domain', { origin: 'https://www.example.com', 'sec-fetch-site': 'same-site' }],
  ['a sandboxed frame', { origin: 'null' }],
  ['a site that hides its origin', { 'sec-fetch-site': 'cross-site' }],
  ['the same host without encryption', { origin: 'http://connect.example.com' }],
])('refuses %s', (_who, headers) => {
  expect(check(headers)).toThrow(expect.objectContaining({ code: 'forbidden' }));
});
