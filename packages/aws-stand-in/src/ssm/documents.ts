/**
 * The stored command documents: every version that a template gave. The newest version is the
 * default.
 */
import type * as model from '@aws-sdk/client-ssm';
import { arn, AwsError } from '../service/service.ts';
import type { Call, Cloud, Operation, ResourceRequest, ResourceType } from '../service/service.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { documentHash, parseDocument } from './document.ts';

export interface StoredDocument {
  name: string;
  version: number;
  content: string;
  createdAt: number;
}

export interface Documents {
  find(nameOrArn: string, version?: string): StoredDocument;
  arnOf(nameOrArn: string): string;
  resources: Record<string, ResourceType>;
}

export function documentOperations(documents: Documents): Record<string, Operation> {
  const found = (
    operation: string,
    { Name, DocumentVersion }: { Name?: string; DocumentVersion?: string },
    call: Call,
  ) => {
    call.authorize(`ssm:${operation}`, documents.arnOf(Name!));
    return documents.find(Name!, DocumentVersion);
  };
  return {
    DescribeDocument(input: model.DescribeDocumentCommandInput, call) {
      refuseOthers('DescribeDocument', input, ['Name', 'DocumentVersion']);
      const { name, version, content, createdAt } = found('DescribeDocument', input, call);
      const newest = documents.find(name).version;
      return {
        Document: {
          ...{
            Name: name,
            DocumentVersion: String(version),
            DefaultVersion: String(newest),
            LatestVersion: String(newest),
          },
          ...{ Hash: documentHash(content), HashType: 'Sha256', CreatedDate: new Date(createdAt) },
          ...{ Status: 'Active', DocumentType: 'Command', DocumentFormat: 'JSON', SchemaVersion: '2.2' },
        },
      };
    },
    GetDocument(input: model.GetDocumentCommandInput, call) {
      refuseOthers('GetDocument', input, ['Name', 'DocumentVersion']);
      const { name, version, content } = found('GetDocument', input, call);
      const facts = { Status: 'Active', DocumentType: 'Command', DocumentFormat: 'JSON' };
      return { Name: name, DocumentVersion: String(version), Content: content, ...facts };
    },
  };
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
    const name: string = properties.Name ?? `${stackName}-${logicalId}`;
    if (/^(aws|amazon|amzn)/i.test(name))
      throw new AwsError('ValidationException', `Document names may not begin as AWS's own do: ${name}`);
    const before = latest.get(name) as StoredDocument | undefined;
    if (before?.content !== content) insert.run(name, (before?.version ?? 0) + 1, content, cloud.now());
    return { ref: name };
  }

  return {
    find,
    arnOf,
    resources: { 'AWS::SSM::Document': make },
  };
}
