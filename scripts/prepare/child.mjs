// Runs a child quietly, keeps its output for the case of failure, and takes it along when we are told to end.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { noteChild } from './lock.mjs';
import { Trouble } from './trouble.mjs';

/** In the folder `cwd`, under its lock. Resolves to `{ code, output }`; rejects with Trouble when a signal asked us to stop. */
export function runChild(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      if (child.pid !== undefined) noteChild(options.cwd, child.pid);
    } catch (error) {
      child.kill();
      throw error;
    }
    let output = '';
    let asked = null;
    const stop = (signal) => {
      asked = signal;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, stop);
    const leave = () => {
      for (const signal of signals) process.off(signal, stop);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => {
      leave();
      reject(new Trouble(`cannot run ${command}: ${error.message}.`));
    });
    child.on('close', (code) => {
      leave();
      noteChild(options.cwd, null);
      if (asked === null) resolve({ code: code ?? 1, output });
      else reject(new Trouble('stopped.', 128 + (constants.signals[asked] ?? 15)));
    });
  });
}
