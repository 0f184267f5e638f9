import type { Node } from '../../packages/aws-stand-in/src/stand-in.ts';

/**
 * Does what update-ca-certificates would do with local certificates, without its hundreds of
 * processes (10 s on a busy machine): file, link, hash link, bundle. The certificates of the last
 * call are not trusted any more.
 */
const SCRIPT = `set -eu
  folder=/usr/local/share/ca-certificates
  new=$(mktemp -d)
  cd "$new"
  cat >all
  if cmp -s all "$folder/.provider"; then rm -r "$new"; exit 0; fi
  [ -e "$folder/.debian-bundle" ] || cp /etc/ssl/certs/ca-certificates.crt "$folder/.debian-bundle"
  rm -f "$folder"/provider-*.crt
  find /etc/ssl/certs -lname '*provider-[0-9]*' -delete
  awk -v to="$folder/provider-" '/BEGIN CERTIFICATE/ { n++ } { print > (to n ".crt") }' all
  cd /etc/ssl/certs
  for file in "$folder"/provider-*.crt; do
    [ -e "$file" ] || continue
    name=\${file##*/}
    hash=$(openssl x509 -noout -subject_hash -in "$file")
    collision=0
    while [ -e "$hash.$collision" ]; do collision=$((collision + 1)); done
    ln -s "$file" "\${name%.crt}.pem"
    ln -s "\${name%.crt}.pem" "$hash.$collision"
  done
  cat "$folder/.debian-bundle" "$new/all" >ca-certificates.crt.new
  mv ca-certificates.crt.new ca-certificates.crt
  mv "$new/all" "$folder/.provider"
  rm -r "$new"`;

/** Sets the PEM certificates, any number, that a host trusts in addition to Debian's own. */
export async function trustRoots(host: Node, roots: string): Promise<void> {
  const certificates = roots.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const done = await host.run(['sh', '-c', SCRIPT], { input: certificates.map(pem => `${pem}\n`).join('') });
  if (done.exitCode !== 0) throw new Error(`the host's trusted roots were not updated: ${done.stderr.trim()}`);
}
