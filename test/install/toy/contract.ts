/** The toy, with nginx for webmail. */
import { contract } from '../contract.suite.ts';
import { nginx } from '../usual.ts';

contract({
  release: 'bookworm',
  adapters: [
    {
      name: 'toy',
      configuration: 'cat /etc/toy/toy.conf',
      stop: 'pid=$(cat /run/toy.pid); kill "$pid"; while [ -e "/proc/$pid" ]; do sleep 0.1; done',
      drift: 'sed -i "/example.test/d" /etc/sealpost/toy-names',
      takeBack: 'echo "certificate /etc/toy/toy.pem" >/etc/toy/toy.conf',
    },
    nginx,
  ],
  facts: { os: /Debian GNU\/Linux 12/, toy: /^1\.0$/, nginx: /^1\.22\./ },
});
