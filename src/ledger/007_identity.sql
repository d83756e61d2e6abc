-- As whom the client is known, as in certificate:ci.acme.example; none where nobody knows.
ALTER TABLE decision ADD COLUMN identity TEXT;
ALTER TABLE pull ADD COLUMN identity TEXT;
ALTER TABLE event ADD COLUMN identity TEXT;
