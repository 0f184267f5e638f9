/** The running stand-in: a port, a file, a set of services. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { faults as faultsOf, type FaultOptions } from './faults/faults.ts';
import { iamService } from './iam/iam.ts';
import { LocalIam } from './iam/local-iam.ts';
import { sts } from './iam/sts.ts';
import { AwsError, noFaults, type Caller, type Cloud, type Service, type ServiceFactory } from './service/service.ts';
import { loadTemplate, type LoadedTemplate, type TemplateRequest } from './template/template.ts';
import { Wire } from './wire/wire.ts';

export interface CloudOptions {
  /** The folder of the stand-in's file and log; it is created when it is absent. */
  directory: string;
  services: ServiceFactory[];
  region?: string;
  account?: string;
  /** 0 takes a free port. */
  port?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** How many times shorter AWS's own waits are here; 1 by default. */
  pace?: number;
  /** What AWS does now and then. None by default. */
  faults?: FaultOptions;
}

export interface RunningCloud extends Cloud {
  /**
   * Makes every resource of a synthesised stack, by logical id. Then the services resume what a
   * killed process left.
   */
  loadTemplate(request: TemplateRequest): Promise<LoadedTemplate>;
  /** Lets the services resume without a template. `loadTemplate` calls it. */
  resume(): Promise<void>;
  /** Answers the requests that are under way, for 2 seconds at most, and then closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the stand-in on 127.0.0.1. IAM and STS are always there; the caller chooses all other
 * services.
 */
export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  const { directory, region = 'us-east-1', account = '000000000000', now = Date.now, pace = 1 } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(directory, 'cloud.sqlite'));
  // WAL without a sync at every commit: a killed process loses nothing that was acknowledged, but a
  // power cut may.
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const log = (line: string) =>
    appendFileSync(join(directory, 'cloud.log'), `${new Date(now()).toISOString()} ${line.replaceAll('\n', ' | ')}\n`);

  const faults = options.faults ? faultsOf(options.faults, now, log) : noFaults;
  const iam = new LocalIam(
    { region, account, now, database, faults },
    { decisionsFile: process.env.AWS_STAND_IN_DECISIONS },
  );
  const wire = new Wire({ region, iam, log, sentFile: process.env.AWS_STAND_IN_SENT, faults });
  const endpoint = `http://127.0.0.1:${await wire.listen(options.port ?? 0)}`;
  const services = new Map<string, Service>();
  let resumed = false;

  const cloud: RunningCloud = {
    region,
    account,
    endpoint,
    now,
    pace,
    directory,
    database,
    iam,
    faults,
    log,
    request: (caller: Caller, service: string, operation: string, input: any) =>
      wire.request(caller, service, operation, input),
    service<T extends Service>(name: string): T {
      const found = services.get(name);
      if (!found)
        throw new AwsError('NotImplemented', `The service ${name} is not part of the stand-in`, { status: 501 });
      return found as T;
    },
    async loadTemplate(request) {
      const made = await loadTemplate(cloud, [...services.values()], request);
      await cloud.resume();
      return made;
    },
    async resume() {
      if (resumed) return;
      resumed = true;
      for (const service of services.values()) await service.start?.();
    },
    async stop() {
      for (const service of [...services.values()].reverse()) await service.stop?.();
      await wire.close(2_000);
      database.close();
    },
  };

  for (const service of [iamService(iam, account), sts, ...options.services.map(make => make(cloud))]) {
    services.set(service.name, service);
    if (service.client in service.model) wire.add(service);
  }
  return cloud;
}
