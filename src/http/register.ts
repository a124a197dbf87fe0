import { app as functions } from '@azure/functions';
import { currentApp } from '../app.ts';
import { type Route, serve } from './route.ts';

/** Registers a route as an HTTP trigger. */
export function registerRoute(route: Route): void {
  functions.http(route.name, {
    // What can be read can be asked about, as monitors and OGC API Features do. The host leaves out the body.
    methods: route.method === 'GET' ? ['GET', 'HEAD'] : [route.method],
    route: route.path,
    authLevel: route.auth,
    handler: (request) => serve(route, currentApp, request),
  });
}
