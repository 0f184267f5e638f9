/**
 * SNS: topics that other services publish to. Nobody can subscribe here. A message is stored and
 * written to the log as a line that stands out. CloudWatch's alarms are accepted and never
 * evaluated, because there are no metrics here.
 */
import { refuseOthers } from '../service/refusal.ts';
import { arn, AwsError, type Caller, type Cloud, type Service } from '../service/service.ts';
import { physicalName } from '../template/template.ts';

export interface Page {
  /** Milliseconds since the epoch. */
  at: number;
  subject: string;
  message: string;
}

export interface SnsService extends Service {
  /** @throws AwsError AccessDenied if the topic's policy does not allow it; NotFound */
  publish(caller: Caller, topicArn: string, message: string): void;
  pages(): Page[];
}

/** The subject of a mail whose publisher gave none. EventBridge cannot give one. */
const SUBJECT = 'AWS Notification Message';

export function sns(cloud: Cloud): SnsService {
  const { database } = cloud;
  database.exec(`CREATE TABLE IF NOT EXISTS sns_pages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, topic TEXT NOT NULL, subject TEXT NOT NULL, message TEXT NOT NULL)`);
  const topics = new Set<string>();

  return {
    name: 'sns',
    // No SNS client is among the packages, so a request from outside is answered with 501.
    model: {},
    client: 'SNSClient',
    operations: {},
    publish(caller, topicArn, message) {
      cloud.iam.authorize(caller, 'sns:Publish', topicArn);
      if (!topics.has(topicArn)) throw new AwsError('NotFound', `Topic does not exist: ${topicArn}`, { status: 404 });
      database
        .prepare('INSERT INTO sns_pages (at, topic, subject, message) VALUES (?, ?, ?, ?)')
        .run(cloud.now(), topicArn, SUBJECT, message);
      cloud.log(`PAGE ===> ${topicArn.split(':').at(-1)}: ${message}`);
    },
    pages: () => database.prepare('SELECT at, subject, message FROM sns_pages ORDER BY id').all() as unknown as Page[],
    resources: {
      'AWS::SNS::Topic'(request) {
        refuseOthers('AWS::SNS::Topic', request.properties, ['TopicName', 'DisplayName', 'Tags']);
        const TopicName = physicalName(request, 'TopicName');
        const TopicArn = arn(cloud, 'sns', TopicName);
        topics.add(TopicArn);
        return { ref: TopicArn, attributes: { TopicArn, TopicName } };
      },
      'AWS::SNS::TopicPolicy'({ properties, stackName, logicalId }) {
        refuseOthers('AWS::SNS::TopicPolicy', properties, ['Topics', 'PolicyDocument']);
        for (const topicArn of properties.Topics) cloud.iam.setResourcePolicy(topicArn, properties.PolicyDocument);
        return { ref: `${stackName}-${logicalId}` };
      },
      // CloudFormation refuses a body that is not JSON; whether its metrics exist, nobody checks.
      'AWS::CloudWatch::Dashboard'(request) {
        refuseOthers('AWS::CloudWatch::Dashboard', request.properties, ['DashboardName', 'DashboardBody']);
        JSON.parse(request.properties.DashboardBody);
        return { ref: physicalName(request, 'DashboardName') };
      },
      'AWS::CloudWatch::Alarm'(request) {
        const name = physicalName(request, 'AlarmName');
        return { ref: name, attributes: { Arn: arn(cloud, 'cloudwatch', `alarm:${name}`) } };
      },
    },
  };
}
