/**
 * The zoo: configurations as people really run them. A row makes one of them on a host whose daemon
 * is set up as local/hosts/software/ does it, and says what adoption does with the configuration.
 * test/install/zoo.suite.ts walks the rows on real hosts, and docs/servers/what-we-know.md is made
 * from them.
 */
import type { Release, Software } from '../../../local/hosts/software.ts';

/** What kind of key a certificate has. A server may serve one certificate for each. */
export type KeyType = 'RSA' | 'ECDSA';

export interface Row {
  /** Unique among the rows of its daemon: how a person would describe the configuration. */
  name: string;
  /** Releases on which the row is walked. */
  on: Release[];
  /**
   * POSIX sh that makes the configuration, run as root with `-eu`. The daemon does not run.
   * $name is the host's name. /root/zoo has two certificates for it, which the root of each
   * delivery verifies: rsa.pem, rsa.key, ecdsa.pem, ecdsa.key.
   */
  make: string;
  /** The daemon's ports in this configuration. By default those of local/hosts/software.ts. */
  ports?: number[];
  /** These listeners want a PROXY header before anything else. */
  proxied?: number[];
  /** Clients come by these. By default only by IPv4. */
  families?: (4 | 6)[];
  /** Names that the configuration serves by itself. They are served after adoption as before. */
  names?: string[];
  /** What a client without a name gets before adoption and afterwards. None: no port offers TLS. */
  keys: KeyType[];
  /** works: adopted, and no client loses anything. refused: nothing is written, and why. */
  expected: 'works' | { refused: string };
  /** Why this is right: a sentence for docs/servers/what-we-know.md. */
  why: string;
  /** What is wrong today. The row's second test must fail as long as this is here. */
  fails?: string;
}

export interface ZooDaemon {
  daemon: Software;
  /** Folders that adoption may write into and undo puts back: compared byte for byte. */
  trees: string[];
  /** Run once, before the first row. */
  settle?: string;
  /** Exit code 0 if the daemon itself finds its configuration good. */
  check: string;
  start: string;
  /** Ends the daemon if it runs, and waits until it has ended. */
  stop: string;
  /** Why its own reload closes its ports for an instant. A client that tries again is served. */
  reloads?: string;
  /** It serves only the host's own certificate, for all names. */
  oneCertificate?: true;
  rows: Row[];
}
