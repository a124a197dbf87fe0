import { app as functions } from '@azure/functions';
import { currentApp } from '../app.ts';
import { type Route, serve } from './route.ts';

/** Registers a route as an HTTP trigger. */
export function registerRoute(route: Route): void {
  functions.http(route.name, {
    // HEAD asks what GET would answer: monitors of health do.
    methods: route.method === 'GET' ? ['GET', 'HEAD'] : [route.method],
    route: route.path,
    authLevel: route.auth,
    handler: (request) => serve(route, currentApp, request),
  });
}
