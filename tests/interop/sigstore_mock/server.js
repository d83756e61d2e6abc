// A Sigstore instance on one loopback port: certificate authority, its log, transparency log, timestamp authority.
// `node server.js FOLDER` writes trusted_root.json, signing_config.json, rekor.pub, ct.pub and root.pem into FOLDER, and
// port when it listens. The mock speaks to JavaScript clients; what cosign says otherwise is translated here.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const asn1js = require('asn1js');
const mock = '@sigstore/mock/dist/';
const { fulcioHandler, initializeCA, initializeCTLog } = require(mock + 'fulcio');
const { initializeTLog } = require(mock + 'rekor');
const { initializeTSA } = require(mock + 'timestamp');

// The mock writes a nonce that is a number; cosign's is larger than numbers are here.
const { Integer } = asn1js;
asn1js.Integer = class extends Integer {
  constructor(given = {}) {
    super(Buffer.isBuffer(given.value) ? { valueHex: new Uint8Array(given.value).buffer } : given);
  }
};

const folder = process.argv[2];
const DAY = 24 * 3600 * 1000;
const pair = () => crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const pem = (kind, der) =>
  `-----BEGIN ${kind}-----\n${Buffer.from(der).toString('base64').match(/.{1,64}/g).join('\n')}\n-----END ${kind}-----\n`;
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');
const hash = (bytes) => ({ algorithm: 'sha256', value: sha256(bytes) });

// What a log keeps of an entry: hashes where whole documents are proposed (rekor, pkg/types).
function canonical(entry) {
  const { kind, spec } = entry;
  if (kind === 'dsse') {
    const envelope = JSON.parse(spec.proposedContent.envelope);
    const signatures = envelope.signatures.map(({ sig }, at) => ({ signature: sig, verifier: spec.proposedContent.verifiers[at] }));
    const kept = { envelopeHash: hash(spec.proposedContent.envelope), payloadHash: hash(Buffer.from(envelope.payload, 'base64')), signatures };
    return { ...entry, spec: kept };
  }
  if (kind === 'intoto' && entry.apiVersion === '0.0.1') {
    const envelope = spec.content.envelope;
    const payload = Buffer.from(JSON.parse(envelope).payload, 'base64');
    return { ...entry, spec: { content: { hash: hash(envelope), payloadHash: hash(payload) }, publicKey: spec.publicKey } };
  }
  return entry;
}

// TimeStampReq (RFC 3161, 2.4.1).
function stampRequest(der) {
  const request = asn1js.fromBER(new Uint8Array(der).buffer).result.valueBlock.value;
  const [algorithm, imprint] = request[1].valueBlock.value;
  const of = (kind) => request.slice(2).find((part) => part instanceof kind);
  const nonce = of(Integer);
  return {
    artifactHash: Buffer.from(imprint.valueBlock.valueHexView),
    hashAlgorithmOID: algorithm.valueBlock.value[0].valueBlock.toString(),
    // The mock writes one in any case.
    nonce: nonce ? Buffer.from(nonce.valueBlock.valueHexView) : 1,
    policyOID: '1.3.6.1.4.1.57264.2',
    certReq: of(asn1js.Boolean)?.valueBlock.value ?? false,
  };
}

// The public key as either version of the API takes it, or of a certificate request.
function publicKey(body) {
  if (body.publicKeyRequest) {
    return crypto.createPublicKey(body.publicKeyRequest.publicKey.content);
  }
  if (body.publicKey) {
    return crypto.createPublicKey(Buffer.from(body.publicKey.content, 'base64').toString());
  }
  const text = Buffer.from(body.certificateSigningRequest, 'base64').toString();
  const der = Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const info = asn1js.fromBER(new Uint8Array(der).buffer).result.valueBlock.value[0].valueBlock.value[2];
  return crypto.createPublicKey({ key: Buffer.from(info.toBER(false)), format: 'der', type: 'spki' });
}

async function main() {
  const [ctKeys, caKeys, logKeys, tsaKeys] = [pair(), pair(), pair(), pair()];
  const ctlog = await initializeCTLog(ctKeys);
  const ca = await initializeCA(caKeys, ctlog);
  const tlog = await initializeTLog('http://log.mock', logKeys);
  const tsa = await initializeTSA(tsaKeys);
  const certify = fulcioHandler(ca).fn;

  async function certificates(request, body) {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? body.credentials?.oidcIdentityToken;
    const content = publicKey(body).export({ format: 'pem', type: 'spki' }).toString();
    const asked = { credentials: { oidcIdentityToken: token }, publicKeyRequest: { publicKey: { content } } };
    const { statusCode, response } = await certify(JSON.stringify(asked));
    if (statusCode !== 201) throw new Error(response);
    return JSON.parse(response);
  }

  const routes = {
    '/api/v1/signingCert': async (request, raw) => {
      const { certificates: chain } = (await certificates(request, JSON.parse(raw))).signedCertificateEmbeddedSct.chain;
      return ['application/pem-certificate-chain', chain.map((one) => one.trim() + '\n').join('')];
    },
    '/api/v2/signingCert': async (request, raw) => ['application/json', JSON.stringify(await certificates(request, JSON.parse(raw)))],
    '/api/v1/log/entries': async (_, raw) => {
      const entry = await tlog.log(canonical(JSON.parse(raw)));
      const [id] = Object.keys(entry);
      return ['application/json', JSON.stringify(entry), { ETag: id, Location: `/api/v1/log/entries/${id}` }];
    },
    '/api/v1/timestamp': async (_, raw) => ['application/timestamp-reply', await tsa.timestamp(stampRequest(raw))],
  };

  const server = http.createServer((request, answer) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      try {
        const route = routes[new URL(request.url, 'http://x').pathname];
        if (!route) throw new Error(`no such thing: ${request.method} ${request.url}`);
        const [type, body, more] = await route(request, Buffer.concat(pieces));
        // The second version of the certificate API answers with another good status than all else.
        answer.writeHead(request.url.startsWith('/api/v2/') ? 200 : 201, { 'Content-Type': type, ...more }).end(body);
      } catch (error) {
        console.error(error);
        answer.writeHead(400, { 'Content-Type': 'text/plain' }).end(String(error));
      }
    });
  });

  server.listen(0, '127.0.0.1', () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    const validFor = { start: new Date(Date.now() - DAY).toISOString() };
    const spki = (keys) => keys.publicKey.export({ format: 'der', type: 'spki' });
    const log = (keys) => ({
      baseUrl: url, hashAlgorithm: 'SHA2_256', logId: { keyId: crypto.createHash('sha256').update(spki(keys)).digest('base64') },
      publicKey: { rawBytes: spki(keys).toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    });
    const authority = (...ders) => ({
      subject: { organization: 'sigstore.mock', commonName: 'sigstore' }, uri: url,
      certChain: { certificates: ders.map((der) => ({ rawBytes: Buffer.from(der).toString('base64') })) }, validFor,
    });
    const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);
    write('trusted_root.json', JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1', tlogs: [log(logKeys)], ctlogs: [log(ctKeys)],
      certificateAuthorities: [authority(ca.rootCertificate)], timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
    }));
    const service = (at) => [{ url: at, majorApiVersion: 1, validFor, operator: 'mock' }];
    write('signing_config.json', JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json', caUrls: service(url), oidcUrls: [],
      rekorTlogUrls: service(url), rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: service(`${url}/api/v1/timestamp`), tsaConfig: { selector: 'ANY' },
    }));
    write('rekor.pub', pem('PUBLIC KEY', spki(logKeys)));
    write('ct.pub', pem('PUBLIC KEY', spki(ctKeys)));
    write('root.pem', pem('CERTIFICATE', ca.rootCertificate));
    write('port', String(server.address().port));
  });
}

main();
