import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { App } from './App';
import { FakeBackend, makeAsset } from './test/fakeBackend';
import { FakeSockets } from './test/fakeSocket';

const TOKEN = '0123456789abcdef01234567';
let backend: FakeBackend;
let sockets: FakeSockets;
const user = userEvent.setup();

beforeEach(() => {
  backend = new FakeBackend();
  backend.assets = [makeAsset(1, { title: 'Aurora' })];
  backend.token = TOKEN;
  sockets = new FakeSockets();
  vi.stubGlobal('fetch', backend.fetch);
  vi.stubGlobal('WebSocket', function open() {
    return sockets.open();
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const field = () => screen.findByLabelText<HTMLInputElement>('Token');
const give = async (token: string) => {
  await user.type(await field(), token);
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
};

test('the token is asked for, and nothing of the library is there before', async () => {
  render(<App />);
  const input = await field();
  expect(document.activeElement).toBe(input);
  expect(input.type).toBe('password');
  expect(screen.queryByRole('searchbox')).toBeNull();
  expect(screen.queryByText('Connecting')).toBeNull();
});

test('a wrong token is refused in words, and the right one opens the library', async () => {
  render(<App />);
  await give('wrong');
  expect((await screen.findByRole('alert')).textContent).toBe('This is not the token.');
  await user.clear(await field());
  const before = sockets.all.length;
  await give(TOKEN);
  expect(await screen.findByRole('button', { name: /Aurora/ })).toBeTruthy();
  expect(sockets.all.length).toBe(before + 1);
  expect(JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])).not.toContain(TOKEN);
});

test('signing out leaves nothing of the library on the page', async () => {
  backend.isSignedIn = true;
  render(<App />);
  await screen.findByRole('button', { name: /Aurora/ });
  await user.click(await screen.findByRole('button', { name: 'Sign out' }));
  await field();
  expect(screen.queryByRole('button', { name: /Aurora/ })).toBeNull();
  expect(screen.queryByRole('button', { name: 'Sign out' })).toBeNull();
});

test('a token that is not good any more is asked for anew', async () => {
  backend.isSignedIn = true;
  render(<App />);
  await screen.findByRole('button', { name: /Aurora/ });
  act(() => {
    sockets.last.accept();
  });
  backend.isSignedIn = false;
  act(() => {
    sockets.last.say({ type: 'asset_created', data: { asset_id: 2 } });
  });
  expect(await screen.findByLabelText('Token', {}, { timeout: 3000 })).toBeTruthy();
});

test('where no token is needed there is nothing to sign in to or out of', async () => {
  backend.token = null;
  render(<App />);
  await screen.findByRole('button', { name: /Aurora/ });
  await waitFor(() => {
    expect(backend.requests.map((url) => url.pathname)).toContain('/api/v1/session');
  });
  expect(screen.queryByRole('button', { name: 'Sign out' })).toBeNull();
});
