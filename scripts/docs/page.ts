// A page of the documentation: its fenced examples, its links and its headings.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Example = {
  readonly language: string;
  /** Words after the language: `test`, `test server`, `shown`, `output`. */
  readonly words: readonly string[];
  readonly line: number;
  readonly text: string;
};

export type Page = {
  /** Below the repository's root. */
  readonly path: string;
  readonly examples: readonly Example[];
  readonly links: readonly { readonly target: string; readonly line: number }[];
  readonly anchors: ReadonlySet<string>;
};

export function readPage(path: string, markdown: string): Page {
  const examples: Example[] = [];
  const links: { target: string; line: number }[] = [];
  const anchors = new Set<string>();
  let open: { fence: string; info: string; line: number; text: string[] } | null = null;
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(line);
    if (open !== null) {
      if (fence?.[1]?.startsWith(open.fence) === true && fence[2] === '') {
        const [language = '', ...words] = open.info.split(/\s+/);
        examples.push({ language, words, line: open.line, text: open.text.join('\n') });
        open = null;
      } else open.text.push(line);
    } else if (fence !== null) {
      open = { fence: fence[1] ?? '', info: (fence[2] ?? '').trim(), line: index + 1, text: [] };
    } else {
      const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1];
      if (heading !== undefined) anchors.add(anchorOf(heading, anchors));
      const prose = line.replace(/`[^`]*`/g, '');
      for (const match of prose.matchAll(/\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)/g)) {
        links.push({ target: match[1] ?? '', line: index + 1 });
      }
    }
  }
  return { path, examples, links, anchors };
}

/** As code hosts make them: lower case, spaces to dashes, other signs dropped, a number for a repetition. */
function anchorOf(heading: string, taken: ReadonlySet<string>): string {
  const base = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
  if (!taken.has(base)) return base;
  let number = 1;
  while (taken.has(`${base}-${number}`)) number += 1;
  return `${base}-${number}`;
}

/** All markdown files of the repository, without what others make. */
export function readPages(root: string, folder = ''): Page[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (/^(node_modules|dist|\.git|\.prepare|\.latchkey|coverage)$/.test(entry.name)) return [];
    if (entry.isDirectory()) return readPages(root, path);
    return path.endsWith('.md') ? [readPage(path, readFileSync(join(root, path), 'utf8'))] : [];
  });
}

/** Targets outside this repository are not looked at: a test must not depend on a stranger's server. */
export function brokenLinks(root: string, pages: readonly Page[]): string[] {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  return pages.flatMap((page) =>
    page.links.flatMap(({ target, line }) => {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
      const [file = '', anchor] = decodeURIComponent(target).split('#');
      const path = file === '' ? page.path : join(page.path, '..', file).replace(/\/$/, '');
      const at = `${page.path}:${line} ${target}:`;
      if (file.startsWith('/') || path.startsWith('..') || !existsSync(join(root, path)))
        return [`${at} no such file`];
      const there = byPath.get(path);
      const isMissing = anchor !== undefined && there !== undefined && !there.anchors.has(anchor);
      return isMissing ? [`${at} no such heading`] : [];
    }),
  );
}
