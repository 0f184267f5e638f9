/**
 * The state machines, from the files in statemachines/, each with a role for the functions that it
 * calls.
 */
import { fileURLToPath } from 'node:url';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Functions } from './deployed-functions.ts';
import { stepsOf } from './function-names.ts';
import { acknowledge, acknowledgeWide, wide } from './nag.ts';
import { speakAsSealpost } from './statements.ts';

interface Parts {
  /** With it the names of the machines begin; the bus has it alone. */
  name: string;
  busArn: string;
  functions: Functions;
}

export class StateMachines extends Construct {
  readonly secureDomain: sfn.StateMachine;
  readonly registerServer: sfn.StateMachine;
  readonly deliverToServer: sfn.StateMachine;
  /** The roles of the machines that put events on the bus. */
  readonly roles: iam.Role[] = [];

  constructor(scope: Construct, id: string, { name: of, busArn, functions }: Parts) {
    super(scope, id);
    const deliverLogs = wide(
      'IAM has no resource to name for log delivery (Step Functions developer guide, "Logging").',
      new iam.PolicyStatement({
        actions: [
          'logs:CreateLogDelivery',
          'logs:GetLogDelivery',
          'logs:UpdateLogDelivery',
          'logs:DeleteLogDelivery',
          'logs:ListLogDeliveries',
          'logs:PutResourcePolicy',
          'logs:DescribeResourcePolicies',
          'logs:DescribeLogGroups',
        ],
        resources: ['*'],
      }),
    );
    const make = (name: string, { publishes }: { publishes: boolean }) => {
      const steps = stepsOf[name]!;
      const role = new iam.Role(this, `${name}-role`, {
        assumedBy: new iam.ServicePrincipal('states.amazonaws.com'),
        inlinePolicies: {
          rights: new iam.PolicyDocument({
            statements: [
              new iam.PolicyStatement({
                actions: ['lambda:InvokeFunction'],
                resources: steps.map(step => functions.byName[step].functionArn),
              }),
              ...(publishes ? [speakAsSealpost(busArn)] : []),
              deliverLogs,
            ],
          }),
        },
      });
      if (publishes) this.roles.push(role);
      acknowledgeWide(role, [deliverLogs]);
      const machine = new sfn.StateMachine(this, name, {
        stateMachineName: `${of}-${name}`,
        definitionBody: sfn.DefinitionBody.fromFile(
          fileURLToPath(new URL(`../statemachines/${name}.asl.json`, import.meta.url)),
        ),
        definitionSubstitutions: {
          Bus: of,
          Partition: Stack.of(this).partition,
          ...Object.fromEntries(steps.map(step => [step, functions.byName[step].functionArn])),
        },
        role: role.withoutPolicyUpdates(),
        stateMachineType: sfn.StateMachineType.STANDARD,
        logs: {
          destination: new logs.LogGroup(this, `${name}-logs`, {
            logGroupName: `/aws/vendedlogs/states/${of}-${name}`,
            retention: logs.RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
          level: sfn.LogLevel.ALL,
          includeExecutionData: false,
        },
      });
      acknowledge(machine, {
        rule: 'SF2',
        reason:
          "An execution has a few named states that wait for DNS and the CA. The execution's history shows each state with its times. A trace would cost $5 a million and would need rights without a resource.",
      });
      return machine;
    };
    this.secureDomain = make('secure-domain', { publishes: true });
    this.registerServer = make('register-server', { publishes: true });
    this.deliverToServer = make('deliver-to-server', { publishes: false });
  }
}
