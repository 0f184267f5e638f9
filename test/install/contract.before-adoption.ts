/** Until it is adopted, nothing of a server changes. */
import { describe, expect, it } from 'vitest';
import { startServices } from '../../local/hosts/mail-server.ts';
import { isWeb, type Story } from './contract.story.ts';

export function beforeAdoption(story: Story): void {
  const { parts, ports, configuration, kind } = story;

  describe('before it is ours', () => {
    it('daemons that do not run are not adopted, and nothing is written', async () => {
      for (const { stop } of parts) await story.mail.sh(stop);
      const { rest } = await story.adopt();
      for (const { name } of parts) expect(rest).toContain(`fact daemon ${name} absent no port of it answers TLS`);
      expect(rest).toContain('fact adopted no');
      expect(await story.mail.sh(configuration)).toBe(story.before);
      await startServices(story.mail.host);
    });

    it('inspect says what is here and prints every line that adoption would write, and writes none', async () => {
      const answer = await story.mail.deliver([], { mode: 'inspect' });
      expect(answer).toMatchObject({ exitCode: 0, outcome: 'inspected', letters: '' });
      const fact = (word: string) =>
        answer.rest.filter(line => line.startsWith(`fact ${word} `)).map(line => line.slice(6 + word.length));
      for (const [word, pattern] of Object.entries(kind.facts)) expect(fact(word)[0], word).toMatch(pattern);
      expect(fact('ports')[0]!.split(',').map(Number).sort()).toEqual([...ports].sort());
      const named = (one: boolean) =>
        parts.filter(part => Boolean(part.oneCertificate) === one).map(({ name }) => name);
      expect(fact('serves-by-name')).toEqual([named(false).join(',')]);
      expect(fact('cannot-serve-by-name')).toEqual([named(true).join(',')]);
      const webServers = parts.filter(part => part.ports.every(isWeb)).map(({ name }) => name);
      expect(fact('web-servers')).toEqual([webServers.join(',')]);
      for (const { name } of parts) {
        expect(fact('configuration')).toContainEqual(expect.stringMatching(new RegExp(`^${name} /etc/`)));
        expect(fact('keys-read-by')).toContainEqual(expect.stringMatching(new RegExp(`^${name} \\S+$`)));
      }
      for (const word of [...parts.flatMap(part => part.counts ?? []), 'memory-kb', 'free-kb', 'kernel-time'])
        expect(Number(fact(word)[0]), word).toBeGreaterThanOrEqual(0);
      expect(fact('adopted')).toEqual(['no']);
      expect(fact('host-certificate')).toEqual(['untrusted']);
      expect(fact('daemon').map(text => text.trimEnd())).toEqual(parts.map(({ name }) => `${name} ready`));
      for (const { name } of parts)
        expect(fact('plan')).toContainEqual(expect.stringMatching(new RegExp(`^${name} \\S`)));
      expect(await story.mail.sh(configuration)).toBe(story.before);
    });

    it('it refuses every domain with that reason', async () => {
      const answer = await story.mail.deliver([story.renewed()]);
      expect(answer).toMatchObject({ exitCode: 0, letters: 'r' });
      expect(answer.rest[0]).toMatch(/^1 r InstallRefused this server is not adopted/);
    });

    it('killed while it adopts: every port serves on, and the next run adopts', async () => {
      const last = parts.at(-1)!.name;
      const edit = (text: string) => text.replace(`mark_adopting ${last}\n`, '$&kill -9 $$$$\n');
      const killed = await story.mail.run(story.mail.write([], { mode: 'inspect', adopt: true }), { edit });
      expect(killed.exitCode).toBe(137);
      await story.mail.sh('rm -r /run/sealpost.*'); // the document does it, an hour later
      expect(await story.byDefault()).toEqual(new Set([await story.ownLeaf()]));
      expect((await story.adopt()).rest).toContain('fact adopted yes');
      expect(await story.byDefault()).toEqual(new Set([await story.ownLeaf()]));
    });
  });
}
