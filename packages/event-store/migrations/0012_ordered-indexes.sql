-- Nothing asks for a request by its subject. Being random, its entries touched a page of their own with every change of
-- a request, which after a million requests is a page that has to be read, and written whole after a checkpoint.
DROP INDEX read_model.requests_by_subject;
