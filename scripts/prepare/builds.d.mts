// What builds.mjs takes, for the test that imports it: scripts that run before there are packages have no types.
export type BuiltFile = {
  readonly name: string;
  readonly contents: string | Uint8Array;
  readonly mode?: number;
};

export function isBuilt(folder: string): boolean;
export function putBuild(folder: string, files: readonly BuiltFile[]): void;
