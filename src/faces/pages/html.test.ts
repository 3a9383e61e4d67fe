import { expect, test } from 'vitest';
import { html } from './html.ts';

test('a value cannot leave its text or its attribute', () => {
  const evil = `"><script>alert('1')</script>&`;
  expect(html`<p title="${evil}">${evil}</p>`.toString()).toBe(
    '<p title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;</p>',
  );
});

test('markup made here is taken as it is, alone and in lists', () => {
  expect(html`<ul>${[1, '<'].map((item) => html`<li>${item}</li>`)}</ul>`.toString()).toBe(
    '<ul><li>1</li><li>&lt;</li></ul>',
  );
});

test('an object that only looks like markup is not taken for it', () => {
  const fake = { toString: () => '<b>' } as unknown as string;
  expect(() => html`${fake}`.toString()).toThrow(TypeError);
});

test('nothing comes of what is not there', () => {
  expect(html`${null}${undefined}${false}|${0}|${''}`.toString()).toBe('|0|');
});
