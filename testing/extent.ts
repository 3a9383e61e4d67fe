// How far the proofs go whose length is a matter of patience: all the way where `CI` is set, as far as one waits for it elsewhere.
const isCi = process.env.CI === 'true' || process.env.CI === '1';

/** Seeds of the simulation, in twenty parts. */
export const simulatedSeeds = isCi ? 1_000 : 200;

/** Processes killed in a chaos run. */
export const chaosKills = isCi ? 20 : 5;
