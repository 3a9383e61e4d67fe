// The answers of scripted faults that replace the honest one.
import { gzipSync } from 'node:zlib';
import { type Answer, htmlAnswer, jsonAnswer, redirectAnswer, textAnswer } from './answer.ts';
import type { ScriptedFault } from './fault.ts';

export function faultAnswer(fault: ScriptedFault): Answer {
  switch (fault.fault) {
    case 'rate_limited':
      return jsonAnswer(429, { error: 'rate_limited' }, retryAfter(fault.retryAfter));
    case 'unavailable':
      return textAnswer(503, 'Service Unavailable', {
        'content-type': 'text/plain',
        ...retryAfter(fault.retryAfter),
      });
    case 'server_error':
      return jsonAnswer(500, { error: 'server_error' });
    case 'oauth_error':
      return jsonAnswer(fault.status, { error: fault.error, error_description: fault.description });
    case 'error_with_200':
      return jsonAnswer(200, { error: fault.error, error_description: 'an error under a cheerful status' });
    case 'html':
      return htmlAnswer(200, '<!doctype html><title>Maintenance</title><p>We will be back soon.');
    case 'redirect':
      return redirectAnswer(fault.location, fault.status);
    case 'empty':
      return jsonAnswerOfText('');
    case 'gzip_bomb':
      return textAnswer(200, gzipSync(Buffer.alloc(bytes(fault.megabytes), ' ')), {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      });
    case 'huge_body':
      return jsonAnswerOfText(`{"padding":"${'x'.repeat(bytes(fault.megabytes))}"}`);
    case 'answer':
      return textAnswer(fault.status, fault.body, { 'content-type': 'application/json', ...fault.headers });
    default:
      return jsonAnswer(500, { error: 'server_error' });
  }
}

export function retryAfter(value: number | string | null): Record<string, string> {
  return value === null ? {} : { 'retry-after': String(value) };
}

function jsonAnswerOfText(body: string): Answer {
  return textAnswer(200, body, { 'content-type': 'application/json' });
}

function bytes(megabytes: number): number {
  return Math.floor(megabytes * 1024 * 1024);
}
