/**
 * Pins the SSM document by its hash, after a comparison of its content with the content that this
 * stack was deployed with. A person who may change the document can therefore not have another one
 * run by our commands.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  DescribeDocumentCommand,
  GetDocumentCommand,
  type SendCommandRequest,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { SealpostError } from '../core/errors.ts';

export type Pinned = Pick<SendCommandRequest, 'DocumentName' | 'DocumentVersion' | 'DocumentHash' | 'DocumentHashType'>;

/**
 * @param document its name, and the JSON that it must contain
 * @throws SealpostError DocumentChanged
 */
export async function pinned(
  client: SSMClient,
  { name: Name, content }: { name: string; content: string },
): Promise<Pinned> {
  const { Document } = await client.send(new DescribeDocumentCommand({ Name }));
  const { DocumentVersion, Hash, HashType } = Document!;
  const { Content } = await client.send(new GetDocumentCommand({ Name, DocumentVersion }));
  // The values are compared, because CloudFormation orders members and sets spaces in its own way.
  if (!isDeepStrictEqual(JSON.parse(Content!), JSON.parse(content)))
    throw new SealpostError('DocumentChanged', {
      about: Name,
      message: `version ${DocumentVersion} of the SSM document ${Name} is not what this stack was deployed with, and is not run on any server; deploy again, and find out who changed it`,
    });
  return { DocumentName: Name, DocumentVersion, DocumentHash: Hash, DocumentHashType: HashType };
}
