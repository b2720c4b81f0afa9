// Shows the service's OpenAPI document. The key that somebody types here is forgotten when the page is left.
SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, queryConfigEnabled: false});
