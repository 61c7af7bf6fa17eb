import type { Asset } from '../types/asset';
import type { ServiceHealth } from '../types/stack';

/** An asset with everything that a test does not care about filled in. */
export function makeAsset(id: number, change: Partial<Asset> = {}): Asset {
  return {
    id,
    title: `Asset ${id}`,
    file_path: `folder/asset-${id}.mp4`,
    mime_type: 'video/mp4',
    file_size: 3_440_000,
    created_at: '2026-01-31T12:00:00.000Z',
    updated_at: '2026-01-31T12:00:00.000Z',
    media_metadata: { width: 1920, height: 1080, duration: 7, thumbnail_url: `/thumbnails/${id}.jpg` },
    status: 'ready',
    error: null,
    ...change,
  };
}

const PER_PAGE = 60;

/** What `fetch` reaches in a test: a library in memory that filters, searches and fails on demand. */
export class FakeBackend {
  assets: Asset[] = [];
  services: ServiceHealth[] = [];
  /** While it is set, everything but the session is refused to who has not given it. */
  token: string | null = null;
  isSignedIn = false;
  /** While it is set, every list request is answered with this code. */
  failsWith: number | null = null;
  readonly requests: URL[] = [];

  readonly fetch = (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input as string, 'http://frontend.test');
    this.requests.push(url);
    if (url.pathname === '/api/v1/session') return Promise.resolve(this.#session(init));
    return Promise.resolve(this.#answer(url));
  };

  #session({ method = 'GET', body }: RequestInit): Response {
    if (method === 'DELETE') this.isSignedIn = false;
    if (method === 'POST') {
      const given = JSON.parse(body as string) as { token: string };
      this.isSignedIn = given.token === this.token;
      if (!this.isSignedIn) return Response.json({ error: 'this is not the token' }, { status: 401 });
    }
    const needsToken = this.token !== null;
    return Response.json({ needs_token: needsToken, is_signed_in: !needsToken || this.isSignedIn });
  }

  #answer(url: URL): Response {
    if (url.pathname === '/api/stack') return Response.json({ services: this.services });
    if (this.token !== null && !this.isSignedIn) {
      return Response.json({ error: 'a token is needed here' }, { status: 401 });
    }
    if (this.failsWith !== null) return Response.json({ error: 'out of order' }, { status: this.failsWith });
    const id = /^\/api\/v1\/assets\/(\d+)$/.exec(url.pathname)?.[1];
    if (id !== undefined) return Response.json(this.assets.find((asset) => asset.id === Number(id)));
    return Response.json(this.#list(url.searchParams));
  }

  #list(params: URLSearchParams) {
    const page = Number(params.get('page'));
    const type = params.get('type') ?? '';
    const q = (params.get('q') ?? '').toLowerCase();
    const found = this.assets.filter(
      (asset) => asset.mime_type.startsWith(type) && asset.title.toLowerCase().includes(q),
    );
    const items = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
    return { items, meta: { page, total: found.length, pages: Math.ceil(found.length / PER_PAGE) } };
  }
}
