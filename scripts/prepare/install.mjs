// Packages: exactly those of package-lock.json, without running any package's own scripts (nothing here needs one).
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { fingerprintOf } from './stamp.mjs';
import { Trouble } from './trouble.mjs';
import { readRecord, readSource } from './whole-file.mjs';

export const installStep = {
  name: 'install',
  inputs: (root) => fingerprintOf(root, ['package-lock.json']),
  isMade: isSatisfied,
  run: install,
};

async function install(root, say) {
  if (isSatisfied(root)) return;
  say('installing packages (about a minute, only when they changed) ...');
  const [command, ...args] = npmCommand();
  const flags = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const retries = ['--fetch-retries=3', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
  const { code, output } = await runChild(command, [...args, ...flags, ...retries], {
    cwd: root,
    shell: process.platform === 'win32' && args.length === 0,
  });
  if (code !== 0) throw new Trouble(whyNpmFailed(root, output));
}

/**
 * Compares what npm recorded in node_modules with the lockfile: every wanted package there, in that version. So a
 * developer's own `npm install` counts, and one interrupted half-way does not.
 */
function isSatisfied(root) {
  const wanted = readSource(join(root, 'package-lock.json'))?.packages;
  const there = readRecord(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (wanted === undefined)
    throw new Trouble(`${join(root, 'package-lock.json')} is missing: restore it from the repository.`);
  if (there === undefined) return false;
  return Object.entries(wanted).every(([place, entry]) => {
    if (place === '' || !place.includes('node_modules/')) return true;
    const found = there[place];
    if (found === undefined)
      return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return entry.link === true || (found.version === entry.version && found.integrity === entry.integrity);
  });
}

/** The npm that runs us, else the one on the PATH. */
function npmCommand() {
  const own = process.env.npm_execpath;
  return own?.endsWith('npm-cli.js') ? [process.execPath, own] : ['npm'];
}

function whyNpmFailed(root, output) {
  const network =
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/.exec(
      output,
    );
  if (network !== null)
    return `cannot reach the package registry (${network[1]}): check the network or the proxy, then start again.`;
  const write = /\b(EACCES|EROFS|EPERM)\b/.exec(output);
  if (write !== null)
    return `cannot write ${join(root, 'node_modules')} (${write[1]}): make this folder writable.`;
  if (/\bENOSPC\b/.test(output)) return `cannot write ${join(root, 'node_modules')}: the disk is full.`;
  if (/\bEUSAGE\b/.test(output)) return 'package.json and package-lock.json do not agree: run npm install.';
  const lines = output
    .split('\n')
    .filter((line) => /^npm (error|ERR!)/.test(line) && !/A complete log|code /.test(line));
  return `npm ci failed: ${lines[0]?.replace(/^npm (error|ERR!)\s*/, '') ?? 'run it by hand to see why'}`;
}
