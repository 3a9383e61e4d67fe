// New Ed25519 keys in OpenSSH's form. Of ssh2's own, about one in 250 cannot be read back: it drops a leading zero byte of the
// public key (ssh2 1.17). Such a one is thrown away.
import ssh2 from 'ssh2';

export type SshKey = { readonly private: string; readonly public: string };

export function makeSshKey(): SshKey {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(key.private) instanceof Error)) return key;
  }
}
