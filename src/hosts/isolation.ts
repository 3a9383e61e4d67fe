// How a host child is confined. With namespaces the child is process 1 of its own world: own mounts (a root that
// holds the C library, node, one script and a folder of sockets, nothing else; no /proc, no /etc), own network
// without any interface, own process list, no capabilities, and nobody's uid when we are root. Node's permission
// model lies on top: no file but the script, no processes, threads or addons.
// Without namespaces only that model is left. It does not stop hostile code for good (a component can look for
// the original socket functions, or for native holes), so the pool calls that "trusted components only".
import { accessSync, constants } from 'node:fs';
import { codeRangeKb } from './code-range.ts';

export type Isolation =
  | { readonly kind: 'namespaces'; readonly reason: null }
  | { readonly kind: 'trusted-components-only'; readonly reason: string };

export type Confinement = {
  /** An empty folder of ours that the child's root is mounted over (in the child's own mounts only). */
  readonly jailPath: string;
  readonly scriptPath: string;
  /** Where the parent listens for this child's connections; the only folder that the child shares. */
  readonly socketDirectory: string;
  readonly maxHeapMb: number;
};

export type LaunchPlan = {
  readonly command: string;
  readonly args: readonly string[];
  /** How the child spells the folder of sockets. */
  readonly socketDirectoryInChild: string;
};

// Fixed places instead of PATH: what we start as root must not depend on who set the environment.
const toolFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
export const toolPath = toolFolders.join(':');

// uid and gid "nobody" on Linux. The number matters little: the child shares no file and sees no other process.
const nobody = '65534';
const nobodyArgs = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

/** Beside the JavaScript heap and the code range: buffers outside the heap, stacks of some 12 threads. */
const memoryBesideHeapMb = 512;

const limits = `
ulimit -c 0; ulimit -n 256; ulimit -d "$limit_kb" 2>/dev/null || true
`;

const jailScript = `
set -e
jail=$1; sockets=$2; node=$3; script=$4; setpriv=$5; chroot=$6; env=$7; limit_kb=$8; shift 8
umask 022
${limits}
mount -t tmpfs -o mode=755,size=64k,nosuid,nodev none "$jail"
mkdir "$jail/usr" "$jail/sockets"
for folder in /usr/lib /usr/lib64 /usr/lib32 /lib /lib64 /lib32; do
  if [ -L "$folder" ]; then ln -s "$(readlink "$folder")" "$jail$folder"
  elif [ -d "$folder" ]; then mkdir "$jail$folder"; mount --bind -o ro,nosuid,nodev "$folder" "$jail$folder"
  fi
done
give() { : > "$jail/$2"; mount --bind -o ro,nosuid,nodev "$1" "$jail/$2"; }
give "$node" node
give "$script" host.cjs
give "$setpriv" setpriv
mount --bind "$sockets" "$jail/sockets"
mount -o remount,bind,ro,nosuid,nodev none "$jail"
cd "$jail"
exec "$env" -i "$chroot" . "$@"
`;

const plainScript = `
limit_kb=$1; shift
${limits}
exec env -i "$@"
`;

/** null: this machine lacks a tool that the jail is built with. */
export function planJail(confinement: Confinement): LaunchPlan | null {
  const tools = ['setpriv', 'unshare', 'sh', 'mount', 'chroot', 'env'].map(findTool);
  const [setpriv, unshare, sh, mount, chroot, env] = tools;
  if (!setpriv || !unshare || !sh || !mount || !chroot || !env) return null;
  const isRoot = process.getuid?.() === 0;
  return {
    command: setpriv,
    args: [
      // The first of three such wishes: when we die by SIGKILL, the whole chain goes with us.
      ...['--pdeathsig', 'KILL', unshare],
      ...(isRoot ? [] : ['--user', '--map-root-user']),
      ...['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL'],
      ...[sh, '-c', jailScript, 'sh'],
      ...[confinement.jailPath, confinement.socketDirectory, process.execPath, confinement.scriptPath],
      ...[setpriv, chroot, env, limitKb(confinement)],
      ...['/setpriv', '--pdeathsig', 'KILL', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'],
      ...(isRoot ? nobodyArgs : []),
      ...['/node', ...nodeFlags(confinement, '/host.cjs'), '/host.cjs'],
    ],
    socketDirectoryInChild: '/sockets',
  };
}

export function planWithoutNamespaces(confinement: Confinement): LaunchPlan {
  const { scriptPath } = confinement;
  const setpriv = findTool('setpriv');
  const run = [
    ...['sh', '-c', plainScript, 'sh', limitKb(confinement)],
    ...[process.execPath, ...nodeFlags(confinement, scriptPath), scriptPath],
  ];
  const [command = 'sh', ...args] = setpriv === null ? run : [setpriv, '--pdeathsig', 'KILL', ...run];
  return { command, args, socketDirectoryInChild: confinement.socketDirectory };
}

function nodeFlags(confinement: Confinement, scriptPath: string): string[] {
  const known = process.allowedNodeEnvironmentFlags;
  return [
    // Renamed when it left the experimental state (Node 22.13, 23.5).
    known.has('--permission') ? '--permission' : '--experimental-permission',
    `--allow-fs-read=${scriptPath}`,
    // Node 25 and later limit sockets as well; ours is the dialling parent.
    ...(known.has('--allow-net') ? ['--allow-net'] : []),
    '--no-addons',
    '--no-warnings',
    '--no-global-search-paths',
    `--max-old-space-size=${confinement.maxHeapMb}`,
  ];
}

function limitKb(confinement: Confinement): string {
  return String((confinement.maxHeapMb + memoryBesideHeapMb) * 1024 + Math.ceil(codeRangeKb()));
}

function findTool(name: string): string | null {
  for (const folder of toolFolders) {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return `${folder}/${name}`;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
