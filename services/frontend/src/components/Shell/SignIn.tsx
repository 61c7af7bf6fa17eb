import { type SyntheticEvent, useId, useState } from 'react';

import { useSignIn } from '../../hooks/useSession';
import { KeyIcon } from '../icons';

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Stands in the place of the library until the token is given. */
export function SignIn() {
  const [token, setToken] = useState('');
  const signIn = useSignIn();
  const id = useId();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    signIn.mutate(token);
  };
  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={submit} aria-labelledby={`${id}-title`}>
        <span className="notice-icon">
          <KeyIcon />
        </span>
        <h2 id={`${id}-title`}>This library asks for a token</h2>
        <p id={`${id}-help`}>
          It is the API_TOKEN that the stack was started with. This browser keeps it for 30 days.
        </p>
        <label htmlFor={`${id}-token`}>Token</label>
        <input
          id={`${id}-token`}
          type="password"
          name="token"
          autoComplete="current-password"
          autoFocus
          required
          maxLength={400}
          value={token}
          aria-describedby={`${id}-help`}
          aria-invalid={signIn.isError}
          onChange={(event) => {
            setToken(event.target.value);
          }}
        />
        {signIn.isError && (
          <p className="sign-in-error" role="alert">
            {sentence(signIn.error.message)}
          </p>
        )}
        <button type="submit" className="button" disabled={signIn.isPending}>
          Sign in
        </button>
      </form>
    </main>
  );
}
