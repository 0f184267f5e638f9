/**
 * The installer for Windows, which no test can run: its text fits its grammar, its page, and what
 * is known of PowerShell 5.1.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { remedies } from '../../core/errors.ts';
import { parseAnswer } from '../../core/deliver-to-server/answer.ts';
import { writeDelivery } from '../../core/deliver-to-server/delivery.ts';
import { windowsInstaller } from '../../install/assemble.ts';
import {
  around,
  below,
  commands,
  faults,
  functions,
  leaks,
  parse,
  takenNames,
  unknownCalls,
  unset,
  variables,
  wrongCounts,
  type Node,
  type Script,
} from './powershell.ts';

const install = join(import.meta.dirname, '../../install');
const page = readFileSync(join(install, '../docs/servers/mailenable.md'), 'utf8');
const document = JSON.parse(readFileSync(join(install, 'document.json'), 'utf8'));
const loaderText: string = document.mainSteps
  .find(({ action }: { action: string }) => action === 'aws:runPowerShellScript')
  .inputs.runCommand.join('\n')
  .replaceAll('{{ delivery }}', 'd'.repeat(64))
  .replaceAll('{{ installer }}', 'a'.repeat(64));
const scripts = { installer: parse(windowsInstaller().text), loader: parse(loaderText) };
const both = Object.entries(scripts);
const { installer } = scripts;

/**
 * Cmdlets of the modules that Windows PowerShell 5.1 has on every Windows Server since 2016, and of
 * WebAdministration, which the installer tests for.
 */
const CMDLETS = [
  ...['?', 'ForEach-Object', 'Select-Object', 'Where-Object', 'New-Object', 'Out-Null', 'Set-StrictMode'],
  ...['Get-Acl', 'Set-Acl', 'Get-ChildItem', 'Get-Item', 'Get-ItemProperty', 'Set-ItemProperty', 'Get-PSDrive'],
  ...['Join-Path', 'Test-Path', 'Remove-Item', 'Rename-Item', 'Get-FileHash', 'Get-Date', 'Start-Sleep'],
  ...['Get-Process', 'Get-Service', 'Restart-Service', 'Get-CimInstance', 'Get-NetTCPConnection'],
  ...['Get-Module', 'Import-Module', 'Get-WebBinding', 'New-WebBinding', 'Remove-WebBinding'],
];
/** Variables that hold a key, or something that has a key in it. */
const KEYS = ['pkcs8', 'pfx', 'password'];
/** Makes an object of what it is given, in memory. */
const HARMLESS = ['New-Object'];

describe('the grammar of PowerShell', () => {
  test.each(both)('reads all of the %s', (_, script) => {
    expect(faults(script)).toEqual([]);
    expect(script.nodes.length).toBeGreaterThan(100);
  });

  test.each([
    [
      'a brace that is missing',
      (text: string) => text.replace('function Get-Bound([string]$name) {', 'function Get-Bound([string]$name)'),
    ],
    ['a bracket too many', (text: string) => text.replace('Get-Sha256 $entry', 'Get-Sha256 ) $entry')],
    ['a quote that is not closed', (text: string) => text.replace("malformed: line 1'", 'malformed: line 1')],
    ['an operator without its right side', (text: string) => text.replace('-gt $delivery.notAfter', '-gt')],
  ])('does not read %s', (_, spoil) => {
    const spoilt = spoil(installer.text);
    expect(spoilt).not.toBe(installer.text);
    expect(faults(parse(spoilt))).not.toEqual([]);
  });

  test('is asked of one file, in letters that any code page reads', () => {
    expect(installer.text).not.toMatch(/^\. \.\//m);
    expect(installer.text.match(/[^\x20-\x7e\n]/g)).toBeNull();
    expect(loaderText.match(/[^\x20-\x7e\n]/g)).toBeNull();
  });
});

describe('what would not be found before it runs', () => {
  test.each(both)('the %s calls nothing that is not there', (_, script) => {
    expect(unknownCalls(script, CMDLETS)).toEqual([]);
  });

  test('every function is called, and there once', () => {
    const own = functions(installer).map(({ name }) => name);
    const called = new Set(commands(installer).map(({ name }) => name));
    expect(own.filter(name => !called.has(name))).toEqual([]);
    expect(new Set(own.map(name => name.toLowerCase())).size).toBe(own.length);
  });

  test('each of them is given as much as it asks for', () => {
    expect(wrongCounts(installer)).toEqual([]);
  });

  test.each(both)('no variable of the %s is read that never gets a value', (_, script) => {
    expect(unset(script)).toEqual([]);
  });

  test.each(both)("nothing of the %s takes a name that is PowerShell's own", (_, script) => {
    expect(takenNames(script)).toEqual([]);
  });

  test('nothing is said before the answer: one call writes, and what functions leave behind is dropped', () => {
    const writers =
      /^(Write-(Output|Host|Verbose|Warning|Information|Debug|Progress|Error)|Out-(Host|Default|String|File)|echo)$/i;
    expect(commands(installer).filter(({ name }) => writers.test(name))).toEqual([]);
    expect(installer.text.match(/\[Console\]::Out\./g)).toHaveLength(1);
    expect(installer.text).toContain('[Console]::Out.Write($said)\nexit $script:status\n');
  });
});

describe('a private key', () => {
  test('goes into no text, no command line, no file, no registry, no answer and no complaint', () => {
    const named = variables(installer).map(({ name }) => name);
    expect(KEYS.filter(name => !named.includes(name))).toEqual([]);
    expect(leaks(installer, KEYS, HARMLESS)).toEqual([]);
  });

  test('is in no entry that a text or a command is made of', () => {
    expect(installer.text.match(/\.bytes/g)!.length).toBeGreaterThan(5);
    const bytes = installer.nodes.filter(({ type, text }) => type === 'member_name' && text === 'bytes');
    const callers = bytes.map(node => around(node, 'command')?.text.split(' ')[0]);
    expect(new Set(callers)).toEqual(new Set(['ConvertTo-Certificate', 'Get-Sha256', 'Join-Key']));
    expect(bytes.filter(node => around(node, 'expandable_string_literal'))).toEqual([]);
  });

  test('is never handed to a program: none is started', () => {
    const programs = /\.exe$|^(certutil|icacls|netsh|reg|sc|cmd|powershell|Start-Process|Invoke-Expression)$/i;
    expect(commands(installer).filter(({ name }) => programs.test(name))).toEqual([]);
    expect(installer.text).not.toContain('Diagnostics.Process');
  });
});

describe('each of these looks finds what is planted', () => {
  const part = readFileSync(join(install, 'windows/certificate.ps1'), 'utf8');
  const plant = (line: string) => parse(part.replace('    $password = ', `    ${line}\n    $password = `));

  test.each([
    ['a cmdlet that is none', 'Import-PfxCertificat x', (script: Script) => unknownCalls(script, CMDLETS)],
    ['a call that gives too little', '$x = Find-Stored $leaf', wrongCounts],
    ['a variable that is misspelt', '$x = $leave', unset],
    ['a variable of another function', '$x = $listeners', unset],
    ["a name of PowerShell's own", '$host = 1', takenNames],
    ['a key in a text', '$x = "the key $pfx cannot be read"', (script: Script) => leaks(script, KEYS, HARMLESS)],
    ['a key in a command', 'Set-ItemProperty x $pkcs8', (script: Script) => leaks(script, KEYS, HARMLESS)],
    ['a key in a pipeline', 'Join-Path x (Out-Null $pfx)', (script: Script) => leaks(script, KEYS, HARMLESS)],
    ['a key in a complaint', 'throw $password', (script: Script) => leaks(script, KEYS, HARMLESS)],
  ])('%s', (_, line, look) => {
    const planted = part.slice(0, part.indexOf('    $password = ')).split('\n').length;
    expect(look(plant(line)).filter(found => found.startsWith(`${planted}: `))).toHaveLength(1);
  });
});

test('its folder is refused as a link, or with rights of others, before anything is opened in it', () => {
  const looks = functions(installer).find(({ name }) => name === 'Assert-Environment')!.node.text;
  const refusals = [...looks.matchAll(/Stop-Installer 50 "\$base (is a link|belongs to|has rights)/g)];
  expect(refusals.map(([, why]) => why)).toEqual(['is a link', 'belongs to', 'has rights']);
  expect(looks).toMatch(/-band \[System\.IO\.FileAttributes\]::ReparsePoint/);
  const calls = commands(installer).map(({ name }) => name);
  expect(calls.lastIndexOf('Assert-Environment')).toBeLessThan(calls.lastIndexOf('Lock-Server'));
});

describe('what the cloud and the installer say to each other', () => {
  const literals = installer.nodes
    .filter(({ type }) => /^(verbatim_string_characters|expandable_string_literal)$/.test(type))
    .map(({ text }) => text.slice(1, -1));

  test('every line of a delivery is one that it reads', () => {
    const pem =
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n';
    const life = { notBefore: 1, notAfter: 2 };
    const certificate = { certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), names: ['a.example'], pem, life };
    const look = { domain: 'a.example', leaf: 'f'.repeat(64), webmail: 'webmail.a.example' };
    const { text } = writeDelivery(
      {
        ...{ server: 'mx1.example', seq: 1, mode: 'install', adopt: true, leaveOut: ['a'], roots: pem, rows: [look] },
        entries: [
          { domain: 'mx1.example', v: 1, host: true, install: { ...certificate, probe: { mail: 'mx1.example' } } },
          { domain: 'a.example', v: 1, install: { ...certificate, probe: { webmail: 'webmail.a.example' } } },
          { domain: 'b.example', v: 1 },
        ],
      },
      0,
    );
    const isPem = (line: string) => /^(-----|[A-Z]{4}$)/.test(line);
    const lines = text.split('\n').filter(line => line !== '' && !isPem(line));
    const words = new Set(lines.slice(1).map(line => line.split(' ')[0]!));
    expect(words.size).toBe(14);
    const read = (word: string) => literals.some(one => one === word || (one.startsWith('^(') && one.includes(word)));
    expect([...words].filter(word => !read(word))).toEqual([]);
    for (const one of [lines[0], '^(yes|no|with-losses)$']) expect(literals).toContain(one);
  });

  test('every reason of an entry has a name that the cloud knows, and every outcome is one', () => {
    const reasons = literals.flatMap(text => /^((?:Install|Certificate)[A-Z]\w+) /.exec(text)?.[1] ?? []);
    expect(new Set(reasons)).toEqual(
      new Set(['CertificateUnusable', 'InstallRefused', 'InstallRolledBack', 'InstallBroken']),
    );
    expect(reasons.filter(name => !(name in remedies))).toEqual([]);
    const hash = 'd'.repeat(64);
    for (const outcome of ['installed', 'rolled-back', 'broken', 'inspected', 'verified', 'stale', 'expired']) {
      expect(literals.some(text => text === outcome || text.includes(` ${outcome}`))).toBe(true);
      const mode = outcome === 'inspected' ? 'inspect' : outcome === 'verified' ? 'verify' : 'install';
      const asked = { server: 'mx1.example', hash, seq: 7, mode } as const;
      expect(parseAnswer(`sealpost ${hash} 7 ${outcome}\n\n`, asked).outcome).toBe(outcome);
    }
  });

  test('every fact that the cloud decides by is among those that it gives', () => {
    const given = new Set(literals.flatMap(text => /^(?:fact )?([a-z-]+) /.exec(text)?.[1] ?? []));
    const decisive = [
      'refused',
      'cannot-serve-by-name',
      'serves-by-name',
      'web-servers',
      'host-certificate',
      'host-certificate-for',
      'adopted',
      'ports',
    ];
    expect(decisive.filter(name => !given.has(name))).toEqual([]);
    expect(['audit-ports', 'audit-dead', 'unseen', 'audited'].filter(name => !given.has(name))).toEqual([]);
  });
});

describe('what documentation does not settle', () => {
  /**
   * Every value of the table `$mailEnable`, every place in the registry or in IIS, and each method
   * of IIS' own objects.
   */
  const table = installer.nodes.find(
    node => node.type === 'assignment_expression' && node.text.startsWith('$mailEnable ='),
  )!;
  const literals = (nodes: Node[]) =>
    nodes.filter(({ type }) => type === 'verbatim_string_characters').map(({ text }) => text.slice(1, -1));
  const values = [
    ...literals(below(table)),
    ...literals(installer.nodes).filter(text => /^(HKLM|IIS):/.test(text)),
    ...(installer.text.match(/\b(AddSslCertificate|RemoveSslCertificate|sslFlags)\b/g) ?? []),
    ...(installer.text.match(/Microsoft\\Crypto\\[A-Za-z\\]+/g) ?? []),
  ];

  test.each([...new Set(values)])('%s is in the list of its page', value => {
    const rows = page.split('\n').filter(line => line.startsWith('|'));
    expect(rows.some(row => row.includes(`\`${value}\``))).toBe(true);
  });

  test('the list names nothing that the installer does not have', () => {
    const list = page.slice(page.indexOf('## What it stands on'));
    const named = [...list.matchAll(/^\| `([^|]*)` \|/gm)].flatMap(([, cell]) => cell!.split('`, `'));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(value => !installer.text.includes(value))).toEqual([]);
  });

  test('the page and the README say that it has not run on Windows', () => {
    const readme = readFileSync(join(install, '../README.md'), 'utf8');
    const sentences = [page, readme].map(text => text.split(/[.:] /).filter(one => /has not run on Windows/.test(one)));
    expect(sentences.map(({ length }) => length)).toEqual([1, 1]);
  });
});
