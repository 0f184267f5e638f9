/** The configuration is put back: by hand for one daemon, by an old image, and by the installer. */
import { describe, expect, it } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { startServices } from '../../local/hosts/mail-server.ts';
import type { Story } from './contract.story.ts';

export function givenBack(story: Story): void {
  const { parts, mailPorts, configuration } = story;

  describe('in the end', () => {
    it.each(parts)(
      '$name alone has its configuration put back by hand: it is told, and adopted again when we may',
      async each => {
        const { mail } = story;
        const told = async () => {
          const { rest } = await mail.deliver([], { mode: 'verify' });
          return rest.filter(line => line.startsWith('fact audit-lost'));
        };
        await mail.sh(each.takeBack);
        expect(await told()).toEqual([`fact audit-lost ${each.name}`]);
        expect((await mail.deliver([], { mode: 'inspect' })).rest).toContain('fact adopted no');
        expect((await story.adopt()).rest).toContain('fact adopted yes');
        const answer = await mail.deliver([
          story.ofHost(story.host),
          story.ofDomain('neighbour.test', story.neighbour),
        ]);
        expect(answer.letters).toMatch(/^[su]{2}$/);
        expect(await story.neighbours()).toEqual(story.onAll(story.neighbour));
        for (const port of mailPorts) expect(await mail.served(port, ''), `port ${port}`).toBe(story.host.leaf);
        expect(await told()).toEqual([]);
      },
      120_000,
    );

    it('a server that was rebuilt from its image is healed by the same deliveries', async () => {
      const { mail } = story;
      for (const { stop } of parts) await mail.sh(stop);
      await mail.sh('find /etc -mindepth 1 -delete; tar -xf /root/image.tar -C /');
      await startServices(mail.host);
      expect(await mail.sh(configuration)).toBe(story.before);
      expect((await story.adopt()).rest).toContain('fact adopted yes');
      const answer = await mail.deliver([story.ofHost(story.host), story.renewed(story.example)]);
      expect(answer.letters).toBe('ss');
      expect(await story.everywhere()).toEqual(story.onAll(story.example));
    });

    it('undo-adoption puts every line back as it was, and what was served before is served', async () => {
      const { mail } = story;
      await mail.host.write('/run/installer', Buffer.from(installer().text), 0o700);
      await mail.sh('sh /run/installer undo-adoption; rm /run/installer');
      const lines = (text: string) => text.replace(/\n+/g, '\n');
      expect(lines(await mail.sh(configuration))).toBe(lines(story.before));
      await expect
        .poll(() => story.byDefault(), { timeout: 15_000, interval: 500 })
        .toEqual(new Set([await story.ownLeaf()]));
    });

    it('nothing of it is left in /run', async () => {
      expect(await story.mail.sh('ls -d /run/sealpost* 2>/dev/null || :')).toBe('');
    });
  });
}
