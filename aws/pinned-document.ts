/** The SSM document as it is sent: by the hash that Systems Manager gave it, once what it says was compared with what this stack was deployed with. Whoever may change the document cannot have another one run by us. */
import { isDeepStrictEqual } from 'node:util';
import {
  DescribeDocumentCommand,
  GetDocumentCommand,
  type SendCommandRequest,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { SealpostError } from '../core/errors.ts';

export type Pinned = Pick<SendCommandRequest, 'DocumentName' | 'DocumentVersion' | 'DocumentHash' | 'DocumentHashType'>;

/** @param content JSON that it has to say @throws SealpostError DocumentChanged */
export async function pinned(
  client: SSMClient,
  { name: Name, content }: { name: string; content: string },
): Promise<Pinned> {
  const { Document } = await client.send(new DescribeDocumentCommand({ Name }));
  const { DocumentVersion, Hash, HashType } = Document!;
  const { Content } = await client.send(new GetDocumentCommand({ Name, DocumentVersion }));
  // As values: CloudFormation writes its members down in an order and with spaces of its own.
  if (!isDeepStrictEqual(JSON.parse(Content!), JSON.parse(content)))
    throw new SealpostError(
      'DocumentChanged',
      Name,
      `version ${DocumentVersion} of the SSM document ${Name} is not what this stack was deployed with, and is not run on any server; deploy again, and find out who changed it`,
    );
  return { DocumentName: Name, DocumentVersion, DocumentHash: Hash, DocumentHashType: HashType };
}
