/**
 * Other users of the host: none reads a key of ours, and no file of ours is written where others
 * may put a link. test/install/neighbour.test.ts has a customer with a site.
 */
import { describe, expect, it } from 'vitest';
import type { Story } from './contract.story.ts';

/** Directories in which each user may make a file or a link. */
const SHARED = `find / \\( -path /proc -o -path /sys -o -path /dev/pts \\) -prune -o -type d -perm -0002 -print`;
/** The programs of a delivery that read keys. */
const PROGRAMS = ['openssl', 'perl', 'cp', 'cat', 'awk'];

export function strangers(story: Story): void {
  describe('strangers on the host', () => {
    it('a delivery writes nothing where others may write, and no process of it dumps its memory', async () => {
      const { mail, parts } = story;
      const shared = parts.some(({ usesTmp }) => usesTmp) ? `${SHARED} | grep -vx /tmp` : SHARED;
      // Each of its programs says the limit of its core dumps.
      await mail.sh(`for each in ${PROGRAMS.join(' ')}; do
          printf '#!/bin/sh\\nulimit -c >>/run/limits\\nexec /usr/bin/%s "$@"\\n' $each >/usr/local/bin/$each
          chmod 755 /usr/local/bin/$each
        done
        ${shared} >/run/shared
        while read -r each; do mount --bind "$each" "$each" && mount -o remount,bind,ro "$each"; done </run/shared`);
      const example = mail.wildcard('example.test');
      const edit = (text: string) => text.replace(/^set -eu$/m, 'ulimit -c 1000\nset -eu');
      const answer = await mail.run(mail.write([story.renewed(example)]), { edit });
      const limits = await mail.sh(`tac /run/shared | while read -r each; do umount "$each"; done
        rm ${PROGRAMS.map(each => `/usr/local/bin/${each}`).join(' ')}
        sort -u /run/limits; rm /run/limits`);
      expect(await mail.sh('cat /run/shared; rm /run/shared')).toMatch(/^\/var\/tmp$/m);
      expect(answer, answer.text + answer.stderr).toMatchObject({ outcome: 'installed', letters: 's' });
      expect(limits).toBe('0');
      story.example = example;
      expect(await story.everywhere()).toEqual(story.onAll(example));
    });

    it('no user reads a key of ours, but the user of a daemon its own copies', async () => {
      const { mail, parts } = story;
      const readers = ['root', ...parts.flatMap(({ reader }) => reader ?? [])];
      const keys = [story.host, story.example, story.neighbour].map(({ key }) => key);
      const longest = (key: string) => key.split('\n').sort((a, b) => b.length - a.length)[0]!;
      await mail.host.write('/run/keys', Buffer.from([...keys.map(longest), ''].join('\n')), 0o644);
      const walk = `cd /
        find / \\( -path /proc -o -path /sys -o -path /run/keys -o -path /usr \\) -prune -o -type f -readable -size -1000k -newer /root/image.tar -print0 2>/dev/null |
          xargs -0r grep -slFf /run/keys
        cat /etc/sealpost/live/example.test.pem /etc/sealpost/host/* /etc/sealpost/tx/new/* 2>/dev/null | grep -h PRIVATE
        cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -qaFf /run/keys && echo "a process shows it"
        :`;
      const found = await mail.sh(`cut -d: -f1 /etc/passwd | while read -r user; do
          setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups sh -c '${walk.replaceAll("'", `'\\''`)}' |
            sed "s|^|$user: |"
        done`);
      await mail.sh('rm /run/keys');
      const lines = found.split('\n').filter(line => line !== '');
      expect(lines.filter(line => !readers.includes(line.split(':')[0]!))).toEqual([]);
      // The walk finds what there is: root reads it.
      expect(lines).toContainEqual(expect.stringMatching(/^root: \/etc\/sealpost\/live\/\S+\.pem$/));
    });
  });
}
