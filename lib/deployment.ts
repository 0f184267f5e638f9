/** The whole of sealpost in one account and region, in the order of the diagram in the README. */
import { Duration, Names, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { guard, Rules } from './buses.ts';
import { Dashboard } from './dashboard.ts';
import { Functions, type Bundle } from './deployed-functions.ts';
import { MailServers } from './mail-servers.ts';
import { endpointsUnverified, runningOut } from './metrics.ts';
import { MOST_CHARACTERS, mustBeName } from './name.ts';
import { Pages } from './pages.ts';
import type { Settings } from './parameters.ts';
import { Schedules } from './schedules.ts';
import { StateMachines } from './state-machines.ts';
import { Storage } from './storage.ts';

/** @internal */
export interface DeploymentProps {
  /**
   * With it the names of the resources begin, and the command line finds them by it.
   * @default a name made of the construct's path
   */
  name?: string;
  settings: Settings;
  /** ARNs of the roles that may put events on the bus; one at least, or a token for a list. */
  senders: string[];
  bundles: Record<string, Bundle>;
  /** True: for a stack that is tried and destroyed. */
  keepsNothing?: boolean;
}

/**
 * What `Sealpost` makes of its typed properties, and the stack of this repository of its
 * parameters.
 */
export class Deployment extends Construct {
  /**
   * The name of this deployment: `sealpost --stack NAME` finds it by the name, and a mail server's
   * node needs the tag `sealpost:mail-server` with it. At most 37 characters.
   */
  readonly name: string;
  /**
   * The bus to which a panel puts its events (docs/events), and on which sealpost tells what
   * happened, with the source `sealpost`. Only the senders may put events on it.
   */
  readonly bus: events.EventBus;
  /**
   * The topic to which the person on duty subscribes. docs/runbook.md has a heading for each page.
   */
  readonly pages: sns.Topic;
  /** What a person looks at first: alarms, events out, executions, schedules, dead letters. */
  readonly dashboard: cloudwatch.Dashboard;
  /** What could not be delivered, kept for 14 days. An alarm pages while it is not empty. */
  readonly deadLetters: sqs.Queue;
  /** The role for mail servers that have no role yet: EC2 instances and hybrid nodes. */
  readonly mailServerRole: iam.Role;
  /** Gives an EC2 instance the role `mailServerRole`. */
  readonly mailServerInstanceProfile: iam.CfnInstanceProfile;
  /** For a role of your own: what a mail server needs to fetch its deliveries. */
  readonly mailServerPolicy: iam.ManagedPolicy;
  /** Domains, servers, work and certificates' facts, without keys. Retained by default. */
  readonly table: dynamodb.TableV2;
  /** Private keys and chains, encrypted with `key`, versioned. Retained by default. */
  readonly certificates: s3.Bucket;
  /** Deliveries on their way to a server. They expire after two days. */
  readonly deliveries: s3.Bucket;
  /** Encrypts both buckets and the ACME account keys. Retained by default. */
  readonly key: kms.Key;
  /** Orders a domain's certificate and stores it. */
  readonly secureDomain: sfn.StateMachine;
  /** Inspects a mail server and adopts it. */
  readonly registerServer: sfn.StateMachine;
  /** Installs on one server what waits for it. */
  readonly deliverToServer: sfn.StateMachine;

  /** @internal */
  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id);
    const { settings, senders, bundles, keepsNothing } = props;
    const name = props.name ?? Names.uniqueResourceName(this, { maxLength: MOST_CHARACTERS });
    mustBeName(name, { of: `${this.node.path}: the name` });
    const stack = Stack.of(this);
    const bus = new events.EventBus(this, 'Bus', { eventBusName: name });
    const deadLetters = new sqs.Queue(this, 'DeadLetters', {
      queueName: `${name}-dead-letters`,
      retentionPeriod: Duration.days(14),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });

    const storage = new Storage(this, 'Storage', { keepsNothing });
    const mailServers = new MailServers(this, 'MailServers', { name, storage });
    // By name, not by reference: the bus's policy refers to the functions' roles, and their rights
    // refer to the bus.
    const busArn = stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: name });
    const resources = { name, storage, settings, mailServers, busArn };
    const functions = new Functions(this, 'Functions', { ...resources, stack, deadLetters, bundles });
    const machines = new StateMachines(this, 'StateMachines', { name, busArn, functions });
    guard({ bus, busArn }, { senders, ours: [...functions.publishers, ...machines.roles] });
    new Rules(this, 'Rules', { bus, deadLetters, machines, functions, mailServers });
    const schedules = new Schedules(this, 'Schedules', { name, functions });
    const pages = new Pages(this, 'Pages', {
      name,
      machines: [machines.secureDomain, machines.registerServer, machines.deliverToServer],
      deadLetters,
      silences: schedules.alarms,
      bus,
    });

    const parts = { name, alarms: pages.alarms, machines, functions, deadLetters };
    const { dashboard } = new Dashboard(this, 'Dashboard', parts);

    this.name = name;
    this.dashboard = dashboard;
    this.bus = bus;
    this.pages = pages.topic;
    this.deadLetters = deadLetters;
    this.mailServerRole = mailServers.role;
    this.mailServerInstanceProfile = mailServers.instanceProfile;
    this.mailServerPolicy = mailServers.policy;
    this.table = storage.table;
    this.certificates = storage.certificates;
    this.deliveries = storage.deliveries;
    this.key = storage.key;
    this.secureDomain = machines.secureDomain;
    this.registerServer = machines.registerServer;
    this.deliverToServer = machines.deliverToServer;
  }

  /**
   * Endpoints (a name at a port of a server) that an audit or the check from outside did not see
   * served as they should be.
   * @param props by default the sum of an hour
   * @returns a metric of endpoints; without data as long as all are verified
   */
  metricUnverified(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return endpointsUnverified(this.name).with(props ?? {});
  }

  /**
   * Domains that were parked although their certificate ends soon or should be renewed by now.
   * @param props by default the sum of an hour
   * @returns a metric of parked domains; without data if there was none
   */
  metricRunningOut(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return runningOut(this.name).with(props ?? {});
  }
}
