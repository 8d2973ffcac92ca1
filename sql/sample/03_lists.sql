-- Lists that the synthetic people are drawn from: councils, ages, names, streets, messages.
--
-- Council codes are the current GSS codes (Fife, Perth and Kinross, Glasgow City and North Lanarkshire have had new ones
-- since their boundaries changed), people are hundreds of residents about 2022, so that councils have their real
-- proportions. Postcode areas and districts are real, the units within them drawn. Streets do not exist.

SET ROLE source_owner;

CREATE TABLE IF NOT EXISTS sample.council (
    number    integer   NOT NULL PRIMARY KEY,
    code      text      NOT NULL UNIQUE,
    name      text      NOT NULL,
    people    integer   NOT NULL,
    area      text      NOT NULL,
    districts integer[] NOT NULL,
    towns     text[]    NOT NULL
);
COMMENT ON COLUMN sample.council.people IS 'Residents, in hundreds.';

TRUNCATE sample.council;
INSERT INTO sample.council (number, code, name, people, area, districts, towns) VALUES
(1, 'S12000033', 'Aberdeen City', 2240, 'AB', '{10,11,12,15,16,21,22,23,24,25}', '{Aberdeen,Dyce,Cove Bay}'),
(2, 'S12000034', 'Aberdeenshire', 2639, 'AB', '{30,31,32,39,42,43,51,53}', '{Peterhead,Fraserburgh,Inverurie,Stonehaven}'),
(3, 'S12000041', 'Angus', 1147, 'DD', '{7,8,9,10,11}', '{Arbroath,Forfar,Montrose,Brechin}'),
(4, 'S12000035', 'Argyll and Bute', 860, 'PA', '{20,23,28,31,34,42,75}', '{Oban,Dunoon,Campbeltown,Tobermory}'),
(5, 'S12000036', 'City of Edinburgh', 5127, 'EH', '{1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17}', '{Edinburgh,Leith,Portobello}'),
(6, 'S12000005', 'Clackmannanshire', 518, 'FK', '{10,11,12,13,14}', '{Alloa,Alva,Tillicoultry}'),
(7, 'S12000006', 'Dumfries and Galloway', 1459, 'DG', '{1,2,3,5,7,8,9,11,12}', '{Dumfries,Stranraer,Annan,Kirkcudbright}'),
(8, 'S12000042', 'Dundee City', 1481, 'DD', '{1,2,3,4,5}', '{Dundee,Broughty Ferry}'),
(9, 'S12000008', 'East Ayrshire', 1203, 'KA', '{1,2,3,4,5,16,17,18}', '{Kilmarnock,Cumnock,Galston}'),
(10, 'S12000045', 'East Dunbartonshire', 1089, 'G', '{61,62,64,66}', '{Bearsden,Kirkintilloch,Bishopbriggs}'),
(11, 'S12000010', 'East Lothian', 1123, 'EH', '{21,31,32,33,39,40,41,42}', '{Musselburgh,Haddington,Dunbar,Tranent}'),
(12, 'S12000011', 'East Renfrewshire', 968, 'G', '{46,76,77,78}', '{Barrhead,Newton Mearns,Giffnock}'),
(13, 'S12000014', 'Falkirk', 1584, 'FK', '{1,2,3,4,5,6}', '{Falkirk,Grangemouth,Denny,Bo''ness}'),
(14, 'S12000047', 'Fife', 3718, 'KY', '{1,2,3,4,5,6,7,8,10,11,12,14,15,16}', '{Kirkcaldy,Glenrothes,Methil,St Andrews,Cupar}'),
(15, 'S12000049', 'Glasgow City', 6207, 'G', '{1,3,4,5,11,12,13,14,15,20,21,22,23,31,32,33,34,40,41,42,43,44,45,51,52,53}', '{Glasgow,Easterhouse,Govan}'),
(16, 'S12000017', 'Highland', 2354, 'IV', '{1,2,3,4,12,15,17,18,19,20,24,27,40,51}', '{Inverness,Dingwall,Portree,Ullapool}'),
(17, 'S12000018', 'Inverclyde', 783, 'PA', '{13,14,15,16,18,19}', '{Greenock,Port Glasgow,Gourock}'),
(18, 'S12000019', 'Midlothian', 966, 'EH', '{18,19,20,22,23,24,25,26}', '{Dalkeith,Penicuik,Bonnyrigg}'),
(19, 'S12000020', 'Moray', 934, 'IV', '{30,31,32,36}', '{Elgin,Forres,Lossiemouth}'),
(20, 'S12000013', 'Na h-Eileanan Siar', 262, 'HS', '{1,2,3,4,5,6,7,8,9}', '{Steòrnabhagh,Tairbeart,Loch Baghasdail}'),
(21, 'S12000021', 'North Ayrshire', 1336, 'KA', '{11,12,13,15,20,21,22,23,27,30}', '{Irvine,Kilwinning,Saltcoats,Largs}'),
(22, 'S12000050', 'North Lanarkshire', 3410, 'ML', '{1,2,4,5,6,7}', '{Motherwell,Coatbridge,Airdrie,Wishaw}'),
(23, 'S12000023', 'Orkney Islands', 220, 'KW', '{15,16,17}', '{Kirkwall,Stromness}'),
(24, 'S12000048', 'Perth and Kinross', 1508, 'PH', '{1,2,3,6,7,8,10,11,12,13,16}', '{Perth,Crieff,Blairgowrie,Pitlochry}'),
(25, 'S12000038', 'Renfrewshire', 1838, 'PA', '{1,2,3,4,5,6,7,8,10,11}', '{Paisley,Renfrew,Johnstone}'),
(26, 'S12000026', 'Scottish Borders', 1169, 'TD', '{1,4,5,6,7,8,9,11,13,14}', '{Galashiels,Hawick,Peebles,Duns}'),
(27, 'S12000027', 'Shetland Islands', 229, 'ZE', '{1,2,3}', '{Lerwick,Scalloway,Mid Yell}'),
(28, 'S12000028', 'South Ayrshire', 1115, 'KA', '{6,7,8,9,10,19,26}', '{Ayr,Prestwick,Troon,Girvan}'),
(29, 'S12000029', 'South Lanarkshire', 3273, 'ML', '{3,8,9,10,11,12}', '{Hamilton,Lanark,Larkhall,Carluke}'),
(30, 'S12000030', 'Stirling', 926, 'FK', '{7,8,9,15,16,17,20}', '{Stirling,Bridge of Allan,Callander}'),
(31, 'S12000039', 'West Dunbartonshire', 884, 'G', '{81,82,83}', '{Clydebank,Dumbarton,Alexandria}'),
(32, 'S12000040', 'West Lothian', 1810, 'EH', '{47,48,49,52,53,54,55}', '{Livingston,Bathgate,Linlithgow}');

CREATE TABLE IF NOT EXISTS sample.age_band (
    from_years integer NOT NULL PRIMARY KEY,
    to_years   integer NOT NULL,
    per_mille  integer NOT NULL
);
COMMENT ON COLUMN sample.age_band.per_mille IS 'Share of people of 16 and over who are of these ages, both ends included.';

TRUNCATE sample.age_band;
INSERT INTO sample.age_band (from_years, to_years, per_mille) VALUES
(16, 19, 50), (20, 29, 150), (30, 39, 160), (40, 49, 150), (50, 59, 170),
(60, 69, 150), (70, 79, 110), (80, 89, 52), (90, 99, 8);

CREATE TABLE IF NOT EXISTS sample.rate (
    name    text           NOT NULL PRIMARY KEY,
    value   numeric        NOT NULL,
    meaning text           NOT NULL
);
COMMENT ON TABLE sample.rate IS 'How often things are. dwp.generate takes others by name, for one filling.';

TRUNCATE sample.rate;
INSERT INTO sample.rate (name, value, meaning) VALUES
('couple', 0.50, 'Share of people who live as one of a couple. These are customers, so the rates below are higher than among all residents: a small sample then has some of everything.'),
('universal_credit', 0.50, 'Share of working-age households with a Universal Credit claim, some of them closed.'),
('pension_credit', 0.34, 'Share of pension-age households with a Pension Credit award, some of them ended.'),
('history_months', 12, 'Assessment periods kept per claim, at most.'),
('cap_exempt', 0.40, 'Share of claims that the benefit cap does not touch, whatever their amount.'),
('cap_level', 1, 'Multiplies the benefit cap; with 0.1 it reduces nearly every claim.'),
('safe_address', 0.004, 'Share of households whose address must not be known.'),
('restricted', 0.001, 'Share of people who are special customer records.'),
('hold', 0.003, 'Share of people on hold from everything; smaller scopes have their own, lower shares of this.'),
('no_suffix', 0.006, 'Share of the first million NINOs that lack their suffix letter.'),
('no_postcode', 0.008, 'Share of people whose address is known but not its postcode.'),
('no_uprn', 0.07, 'Share of people whose address has no UPRN.'),
('no_fixed_abode', 0.004, 'Share of households without any address.'),
('no_council', 0.003, 'Share of households that no council could be found for.');

-- Most frequent first: a name is drawn so that the first ones come most often.
CREATE OR REPLACE FUNCTION sample.forenames(sex text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE sex
    WHEN 'F' THEN ARRAY[
        'Margaret', 'Elizabeth', 'Fiona', 'Emma', 'Laura', 'Karen', 'Eilidh', 'Nicola', 'Catherine', 'Olivia',
        'Isla', 'Sophie', 'Agnes', 'Mairi', 'Morag', 'Shona', 'Kirsty', 'Aileen', 'Jean', 'Isobel',
        'Agnieszka', 'Fatima', 'Aisha', 'Chidinma', 'Mei-Ling', 'Mòrag', 'Màiri', 'Sìne', 'Catrìona', 'Ealasaid',
        'Siobhán', 'Zoë', 'Chloé', 'Małgorzata', 'Aïcha', 'Renée', 'Nguyệt', 'Олена', 'Anne-Marie', 'Mary Jane']
    ELSE ARRAY[
        'James', 'David', 'John', 'Andrew', 'Craig', 'Scott', 'Callum', 'Robert', 'William', 'Ian',
        'Jack', 'Lewis', 'Angus', 'Hamish', 'Ewan', 'Gordon', 'Stuart', 'Fraser', 'Alasdair', 'Finlay',
        'Muhammad', 'Piotr', 'Ahmed', 'Chukwuemeka', 'Wei', 'Ruairidh', 'Iain', 'Seòras', 'Coinneach', 'Dòmhnall',
        'Seán', 'Łukasz', 'François', 'Søren', 'José', 'Đức', 'Андрій', 'Jean-Luc', 'Xi', 'J']
END;

CREATE OR REPLACE FUNCTION sample.surnames() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
    'Smith', 'Brown', 'Wilson', 'Campbell', 'Stewart', 'Thomson', 'Robertson', 'Anderson', 'MacDonald', 'Scott',
    'Reid', 'Murray', 'Taylor', 'Clark', 'Ross', 'Watson', 'Morrison', 'Paterson', 'Young', 'Mitchell',
    'Walker', 'Fraser', 'Miller', 'McDonald', 'Gray', 'Henderson', 'Hamilton', 'Johnston', 'Duncan', 'Graham',
    'Ferguson', 'Kerr', 'Davidson', 'Bell', 'Cameron', 'Kelly', 'Martin', 'Hunter', 'Allan', 'Mackenzie',
    'O''Neill', 'O''Donnell', 'D''Arcy', 'MacLeod', 'McKay', 'Grant', 'Simpson', 'Mackay', 'McLean', 'MacLean',
    'Khan', 'Ahmed', 'Singh', 'Kaur', 'Nowak', 'Kowalski', 'Wiśniewska', 'Okafor', 'Chen', 'Li',
    'MacGill-Eain', 'NicDhòmhnaill', 'MacAoidh', 'NicLeòid', 'Ó Briain', 'Müller', 'Muñoz', 'St John', 'de la Cruz',
    'van der Berg', 'Ng', 'Colquhoun', 'Dalziel', 'Menzies', 'Strachan', 'Farquharson', 'Sutherland', 'Urquhart', 'Nguyễn',
    'Ålund'];

CREATE OR REPLACE FUNCTION sample.long_surnames() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
    'Featherstonehaugh-Cholmondeley-Marjoribanks of Auchterarder and Kirkintilloch',
    'MacGilleBhràtha-MacAonghais-NicGilleMhoire-MacIlleathain-NicPhàrlain',
    'Wolfeschlegelsteinhausenbergerdorff-Papadimitrakopoulou'];

CREATE OR REPLACE FUNCTION sample.streets() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
    'Sample Street', 'Specimen Wynd', 'Example Road', 'Fictional Brae', 'Imaginary Crescent', 'Invented Loan',
    'Pretend Place', 'Placeholder Avenue', 'Notional Terrace', 'Madeup Gardens', 'Mock Court', 'Phantom Drive',
    'Sràid an t-Sampaill', 'St Nobody''s Row', 'Nowhere Square', 'Synthetic View', 'Test Loaning', 'Template Vennel',
    'Dummy Dyke', 'Unreal Quay'];

CREATE OR REPLACE FUNCTION sample.messages() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
    'Hello, my rent has gone up from this month. I have uploaded the letter from my landlord.',
    'I started a new job on Monday, 16 hours a week. Do I need to send payslips?',
    'Please can someone call me, I do not understand why my payment is lower.',
    'We have had a baby girl! What do you need from us?',
    'I cannot make the appointment on Thursday, I have the hospital.',
    'My National Insurance number is {nino}, please use it and not the old one.',
    'My e-mail has changed, it is now claimant@example.test',
    'I have moved in with my sister because it is not safe at home. Please do not tell my partner where I am.',
    'I have no money for food or the meter until the 14th. Is there any help?',
    'My daughter''s school says she can get free meals, is that from you?',
    'The childcare costs are £412.50 this month, receipt attached.',
    'Tapadh leibh airson ur cuideachaidh. Thank you for your help.',
    'My landlord has given me notice and I think we will be homeless.',
    'I am my mother''s carer now, more than 35 hours a week.'];

RESET ROLE;
