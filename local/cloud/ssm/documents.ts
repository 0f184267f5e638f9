/** Command documents as stored: every version that a template ever gave, the newest being the default. */
import type * as model from '@aws-sdk/client-ssm';
import { arn, AwsError } from '../service.ts';
import type { Call, Cloud, Operation, ResourceRequest, ResourceType } from '../service.ts';
import { refuse, refuseOthers } from '../refusal.ts';
import { documentHash, parseDocument } from './document.ts';

export interface StoredDocument {
  name: string;
  version: number;
  content: string;
  createdAt: number;
}

export interface Documents {
  /** @throws AwsError InvalidDocument, InvalidDocumentVersion */
  find(nameOrArn: string, version?: string): StoredDocument;
  arnOf(nameOrArn: string): string;
  operations: Record<string, Operation>;
  resources: Record<string, ResourceType>;
}

export function documents(cloud: Cloud): Documents {
  cloud.database.exec(`CREATE TABLE IF NOT EXISTS ssm_documents (
    name TEXT, version INTEGER, content TEXT NOT NULL, createdAt INTEGER NOT NULL, PRIMARY KEY (name, version))`);
  const latest = cloud.database.prepare('SELECT * FROM ssm_documents WHERE name = ? ORDER BY version DESC LIMIT 1');
  const exact = cloud.database.prepare('SELECT * FROM ssm_documents WHERE name = ? AND version = ?');
  const insert = cloud.database.prepare('INSERT INTO ssm_documents VALUES (?, ?, ?, ?)');

  const nameOf = (nameOrArn: string) => nameOrArn.split(':document/').at(-1)!;
  const arnOf = (nameOrArn: string) => arn(cloud, 'ssm', `document/${nameOf(nameOrArn)}`);

  function find(nameOrArn: string, version = '$DEFAULT'): StoredDocument {
    const newest = latest.get(nameOf(nameOrArn)) as StoredDocument | undefined;
    if (newest === undefined) throw new AwsError('InvalidDocument', `Document with name ${nameOrArn} does not exist.`);
    if (version === '$DEFAULT' || version === '$LATEST') return newest;
    const found = exact.get(newest.name, Number(version)) as StoredDocument | undefined;
    if (found === undefined)
      throw new AwsError('InvalidDocumentVersion', `Version ${version} of ${nameOrArn} does not exist.`);
    return found;
  }

  function make({ properties, logicalId, stackName }: ResourceRequest) {
    refuseOthers('AWS::SSM::Document', properties, [
      'Name',
      'Content',
      'DocumentType',
      'DocumentFormat',
      'TargetType',
      'UpdateMethod',
      'Tags',
    ]);
    if (properties.DocumentType !== 'Command') refuse(`a document of type ${properties.DocumentType}`);
    if ((properties.DocumentFormat ?? 'JSON') !== 'JSON') refuse(`the format ${properties.DocumentFormat}`);
    const content =
      typeof properties.Content === 'string' ? properties.Content : JSON.stringify(properties.Content, null, 2);
    parseDocument(content);
    const name = properties.Name ?? `${stackName}-${logicalId}`;
    const before = latest.get(name) as StoredDocument | undefined;
    if (before?.content !== content) insert.run(name, (before?.version ?? 0) + 1, content, cloud.now());
    return { ref: name };
  }

  return {
    find,
    arnOf,
    operations: {
      DescribeDocument(input: model.DescribeDocumentCommandInput, call: Call) {
        call.authorize('ssm:DescribeDocument', arnOf(input.Name!));
        const { name, version, content, createdAt } = find(input.Name!, input.DocumentVersion);
        const { parameters = {}, description } = parseDocument(content);
        return {
          Document: {
            Name: name,
            Description: description,
            DocumentVersion: String(version),
            DefaultVersion: String(find(name).version),
            LatestVersion: String(find(name).version),
            Hash: documentHash(content),
            HashType: 'Sha256',
            Status: 'Active',
            DocumentType: 'Command',
            DocumentFormat: 'JSON',
            SchemaVersion: '2.2',
            PlatformTypes: ['Linux'],
            Owner: cloud.account,
            CreatedDate: new Date(createdAt),
            Parameters: Object.entries(parameters).map(
              ([Name, { type, description: Description, default: value }]) => ({
                Name,
                Type: type,
                Description,
                DefaultValue:
                  value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value),
              }),
            ),
          },
        };
      },
      GetDocument(input: model.GetDocumentCommandInput, call: Call) {
        call.authorize('ssm:GetDocument', arnOf(input.Name!));
        const { name, version, content } = find(input.Name!, input.DocumentVersion);
        return {
          Name: name,
          Content: content,
          DocumentVersion: String(version),
          Status: 'Active',
          DocumentType: 'Command',
          DocumentFormat: 'JSON',
        };
      },
    },
    resources: { 'AWS::SSM::Document': make },
  };
}
