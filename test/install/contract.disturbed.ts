/**
 * On an adopted server something is wrong: a certificate, a daemon, or what somebody did by hand.
 */
import { expect, it } from 'vitest';
import { startServices } from '../../local/hosts/mail-server.ts';
import { domain, hopeless, impatient, web, type Story } from './contract.story.ts';

export function disturbed(story: Story): void {
  const { parts, ports, underHost, isUnder } = story;

  it('a bad certificate is refused or put back, and the neighbours go on', async () => {
    const { mail } = story;
    const strange = mail.strangeCa.issue([domain, `*.${domain}`]);
    const pair = mail.wildcard('pair.test');
    story.neighbour = mail.wildcard('neighbour.test');
    const delivery = mail.write([
      story.renewed(strange),
      story.ofDomain('pair.test', { ...pair, pem: story.example.key + pair.chain }),
      story.ofDomain('neighbour.test', story.neighbour),
    ]);
    const answer = await mail.run(delivery, impatient);
    expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 'brs' });
    expect(answer.rest[0]).toMatch(/^1 b InstallRolledBack not seen on port \d+/);
    expect(answer.rest[1]).toBe('2 r CertificateUnusable key does not match the leaf');
    expect(await story.everywhere()).toEqual(story.onAll(story.example));
    expect(await story.neighbours()).toEqual(story.onAll(story.neighbour));
  });

  const hindered = parts.flatMap(({ name, hinder }) => (hinder ? [{ name, ...hinder }] : []));
  it.each(hindered)('$name cannot reload, for somebody else’s mistake: all is put back', async each => {
    const { mail } = story;
    await mail.sh(each.how);
    const fresh = story.ofDomain('new.test', mail.wildcard('new.test'));
    const answer = await mail.run(mail.write([fresh]), hopeless);
    await mail.sh(each.mend);
    expect(answer).toMatchObject({ exitCode: 20, outcome: 'rolled-back', letters: 'b' });
    expect(answer.rest[0]).toContain(`(${each.name})`);
    expect(await mail.sh('ls /etc/sealpost/live')).not.toContain('new.test');
    expect(await story.everywhere()).toEqual(story.onAll(story.example));
  });

  it('a daemon that is dead beforehand stays so and is said to be; the others are served', async () => {
    const { mail } = story;
    const { name, stop, ports: deadPorts } = parts.at(-1)!;
    await mail.sh(stop);
    // Where mail is served under the host's name, that is what is left to be served.
    if (isUnder) story.host = mail.ca.issue([mail.host.hostName]);
    else story.neighbour = mail.wildcard('neighbour.test');
    const answer = await mail.deliver([
      isUnder ? story.ofHost(story.host) : story.ofDomain('neighbour.test', story.neighbour),
    ]);
    expect(answer).toMatchObject({ exitCode: 0, outcome: 'installed', letters: 's' });
    expect(answer.rest).toEqual(deadPorts.map(port => `fact port-dead ${port}`));
    for (const port of deadPorts) expect(await mail.served(port, ''), name).toBe('nothing');
    await startServices(mail.host);
    if (deadPorts.includes(443))
      await expect
        .poll(() => mail.served(443, 'webmail.neighbour.test'), { timeout: 10_000 })
        .toBe(story.neighbour.leaf);
  });

  it('verify finds what is no longer served, on each port, and a delivery repairs it', async () => {
    const { mail, host, example } = story;
    const audit = async () => {
      const { hostName } = mail.host;
      const ofMail = ['default', hostName].map(name => ({ domain: hostName, leaf: host.leaf, mail: name }));
      const looks = isUnder
        ? [{ domain, leaf: example.leaf, web, mail: '-' }, ...ofMail]
        : [{ domain, leaf: example.leaf, web }];
      const { rest } = await mail.deliver([], { mode: 'verify', looks });
      expect(rest.at(-1)).toBe(`audited ${looks.length}`);
      return rest.filter(line => line.startsWith('unseen ')).sort();
    };
    expect(await audit()).toEqual([]);
    for (const { drift } of parts) await mail.sh(drift);
    const set = (those: number[]) => [...those].sort((a, b) => a - b).join(',');
    const lost = [`unseen ${set(ports.filter(port => !underHost.includes(port)))} 1`];
    if (isUnder) lost.push(`unseen ${set(underHost)} 2x2`);
    expect(await audit()).toEqual(lost.sort());
    const repaired = await mail.deliver([story.renewed(example), ...(isUnder ? [story.ofHost(host)] : [])]);
    expect(repaired.letters).toMatch(/^s+$/);
    expect(await audit()).toEqual([]);
  });

  it('a removed domain leaves no name and no key behind, and the neighbours go on', async () => {
    const { mail } = story;
    expect(await mail.deliver([{ domain, verb: 'remove' }])).toMatchObject({ letters: 'd' });
    // The files of the operator that undo gives back may have any name in them.
    const all =
      'cd /etc/sealpost; find . -type f ! -name "*.lmdb" ! -name answer ! -path "./adoption/*.kept/*" -exec cat {} +; find .';
    const words = (await mail.sh(all)).split(/[\s"/:;]/);
    for (const gone of [domain, `*.${domain}`, `${domain}.pem`, web]) expect(words).not.toContain(gone);
    const leaves = async () => [...(await story.everywhere()).values()].includes(story.example.leaf);
    await expect.poll(leaves, { timeout: 15_000 }).toBe(false);
    expect(await story.neighbours()).toEqual(story.onAll(story.neighbour));
  });

  it('who was idle through all of it still is', async () => {
    expect(await story.idle.ask('DONE', /^c /)).toMatch(/^c OK/);
    expect(await story.idle.ask('d NOOP', /^d /)).toMatch(/^d OK/);
    story.idle.close();
  });
}
