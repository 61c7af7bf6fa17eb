import { type UseMutationResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { getSession, type Session, signIn, signOut } from '../services/sessionApi';

export const SESSION_KEY = ['session'];

/** What is known of the session; while the backend does not say, nobody is kept out or let in. */
export function useSession(): Session | undefined {
  return useQuery({ queryKey: SESSION_KEY, queryFn: ({ signal }) => getSession(signal) }).data;
}

/** Whether the token has to be asked for before anything can be shown. */
export function useIsLocked(): boolean {
  const session = useSession();
  return session?.needs_token === true && !session.is_signed_in;
}

function useSessionChange<Given>(change: (given: Given) => Promise<Session>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    networkMode: 'always',
    onSuccess: (session) => {
      // What the one saw is not the other's, and what was refused is to be asked for again.
      queries.removeQueries({
        predicate: ({ queryKey }) => queryKey[0] === 'assets' || queryKey[0] === 'asset',
      });
      queries.setQueryData(SESSION_KEY, session);
    },
  });
}

export const useSignIn = (): UseMutationResult<Session, Error, string> => useSessionChange(signIn);
export const useSignOut = (): UseMutationResult<Session, Error, undefined> =>
  useSessionChange<undefined>(signOut);
